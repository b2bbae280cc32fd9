// Makes the directory that all tests of a run build in, and fails the run if they left anything in it.
import type { TestProject } from 'vitest/node'
import { endSuiteRoot, makeSuiteRoot, SUITE_ROOT_VARIABLE } from './support/suite-root.js'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const suite = await makeSuiteRoot()
  project.provide('suiteRoot', suite.path)
  process.env[SUITE_ROOT_VARIABLE] = suite.path
  return async () => {
    try {
      await endSuiteRoot(suite)
    } catch (error) {
      // vitest prints what a teardown throws, but ends with 0 all the same.
      process.exitCode = 1
      throw error
    }
  }
}
