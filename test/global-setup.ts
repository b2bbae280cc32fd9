// Makes the directories that all tests of a run build in, and fails the run if they left anything there.
import type { TestProject } from 'vitest/node'
import { enterSuiteMemory } from './support/suite-memory.js'
import { endSuiteRoot, makeSuiteRoot, SUITE_ROOT_VARIABLE } from './support/suite-root.js'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const suite = await makeSuiteRoot()
  const memory = enterSuiteMemory()
  project.provide('suiteRoot', suite.path)
  process.env[SUITE_ROOT_VARIABLE] = suite.path
  return async () => {
    try {
      await endSuiteRoot(suite)
      await memory.end()
    } catch (error) {
      // vitest prints what a teardown throws, but ends with 0 all the same.
      process.exitCode = 1
      throw error
    }
  }
}
