// A v1 memory cgroup of the test run's own, where Corral would make some (a hybrid host): vitest and all that it starts are
// in it, so what sessions leave behind in that hierarchy is found.
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { guardCgroup } from '../../bench/demo/pen.mjs'
import { findMemoryV1 } from '../../src/backend/cgroup/memory-v1.js'
import { subdirectories } from '../../src/linux/file.js'
import { loadNative } from '../../src/native/addon.js'
import { eventually } from './eventually.js'

export interface SuiteMemory {
  /** Leaves and removes it. @throws when there is something in it. */
  end(): Promise<void>
}

/** The v1 memory cgroups below this process's own; empty also where there is no such hierarchy. */
export function memoryTwins(): string[] {
  const own = findMemoryV1()
  return own === undefined ? [] : below(own)
}

function below(directory: string): string[] {
  return subdirectories(directory).flatMap((name) => {
    const child = path.join(directory, name)
    return [child, ...below(child)]
  })
}

/** Removes what instances have there whose cgroups a test takes away itself. */
export function removeTwins(instances: readonly string[]): void {
  const own = findMemoryV1()
  if (own === undefined) return
  for (const home of instances
    .map((name) => path.join(own, `corral-${name}`))
    .filter((one) => existsSync(one)))
    for (const twin of [home, ...below(home)].toReversed()) rmdirSync(twin)
}

export function enterSuiteMemory(): SuiteMemory {
  const parent = findMemoryV1()
  if (parent === undefined) return { end: async () => undefined }
  const own = mkdtempSync(path.join(parent, 'corral-test-'))
  const guard = guardCgroup(own)
  const enter = (directory: string) =>
    writeFileSync(path.join(directory, 'cgroup.procs'), String(process.pid))
  enter(own)
  return {
    end: async () => {
      const left = below(own)
      for (const directory of left.toReversed()) rmdirSync(directory)
      enter(parent)
      // The test runner's own workers may still be on their way out
      await eventually(`nobody is in ${own}`, () => loadNative().removeEmpty(own), {
        instead: () => readFileSync(path.join(own, 'cgroup.procs'), 'utf8'),
      })
      await guard.end()
      if (left.length > 0)
        throw new Error(`the tests left v1 memory cgroups (removed now): ${left.join(' ')}`)
    },
  }
}
