// Makes the directories that all tests of a run build in, and fails the run if they left anything there.
import type { TestProject } from 'vitest/node'
import { eventually } from './support/eventually.js'
import { COUNTS_BY_NAMESPACE, namespacePen } from './support/namespace-pen.js'
import { describeAll } from './support/pen.js'
import { enterSuiteMemory } from './support/suite-memory.js'
import { endSuiteRoot, makeSuiteRoot, SUITE_ROOT_VARIABLE } from './support/suite-root.js'

/** Where tests count by the pid namespace: the test runner's own workers may still be on their way out. */
async function setUpNamespace(project: TestProject): Promise<() => Promise<void>> {
  const suite = await namespacePen()
  project.provide('suiteRoot', suite.path)
  return async () => {
    try {
      await eventually('the tests leave nothing behind', async () => (await suite.everybody()).length === 0, {
        instead: async () => describeAll(await suite.everybody()),
      })
    } catch (error) {
      process.exitCode = 1
      throw error
    }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (COUNTS_BY_NAMESPACE) return setUpNamespace(project)
  const suite = await makeSuiteRoot()
  const memory = enterSuiteMemory()
  project.provide('suiteRoot', suite.path)
  process.env[SUITE_ROOT_VARIABLE] = suite.path
  return async () => {
    try {
      await endSuiteRoot(suite).finally(() => memory.end())
    } catch (error) {
      // vitest prints what a teardown throws, but ends with 0 all the same.
      process.exitCode = 1
      throw error
    }
  }
}
