// Makes the directories that all tests of a run build in, and fails the run if they left anything there. Where no cgroup can be made,
// what they left is found by its mark. A run that is killed leaves nothing either: guards see to that.
import type { TestProject } from 'vitest/node'
import { guardCgroup } from '../bench/demo/pen.mjs'
import { lacksHere } from './support/lacks.js'
import { markSuite } from './support/marked-pen.js'
import { enterSuiteMemory } from './support/suite-memory.js'
import { endSuiteRoot, makeSuiteRoot, SUITE_ROOT_VARIABLE } from './support/suite-root.js'

/** Where the tests build, and what ends it. */
async function begin(): Promise<{ root: string; end: () => Promise<void> }> {
  const suite = await makeSuiteRoot()
  if (suite === undefined) return { root: '', end: markSuite().end }
  const guard = guardCgroup(suite.path) // before this process enters a cgroup that is to be removed
  const memory = enterSuiteMemory()
  process.env[SUITE_ROOT_VARIABLE] = suite.path
  const end = () =>
    endSuiteRoot(suite)
      .finally(() => memory.end())
      .finally(() => guard.end())
  return { root: suite.path, end }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { root, end } = await begin()
  project.provide('suiteRoot', root)
  project.provide('lacks', lacksHere(root === '' ? undefined : root))
  return async () => {
    try {
      await end()
    } catch (error) {
      // vitest prints what a teardown throws, but ends with 0 all the same.
      process.exitCode = 1
      throw error
    }
  }
}
