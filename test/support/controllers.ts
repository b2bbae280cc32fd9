// Tests that need controllers of cgroup v2: where the kernel does not give them to the tests, they are skipped, and the
// run says so.
import { existsSync, readFileSync } from 'node:fs'
import { inject } from 'vitest'
import { findMemoryV1 } from '../../src/cgroup/memory-v1.js'
import { test } from './pen-test.js'

/** What the kernel tells of pressure (psi.rst), named as if it were a controller. */
export const PRESSURE = 'pressure'

/** The memory controller of v1, where v2 has none. */
export const MEMORY_V1 = 'memory of v1'

/** The controllers that the directory of all tests has. */
export function controllersHere(): string[] {
  const suite = inject('suiteRoot')
  const controllers = readFileSync(`${suite}/cgroup.controllers`, 'utf8').split(/\s+/).filter(Boolean)
  if (existsSync(`${suite}/memory.pressure`)) controllers.push(PRESSURE)
  if (!controllers.includes('memory') && findMemoryV1() !== undefined) controllers.push(MEMORY_V1)
  return controllers
}

function skipped(why: string): typeof test {
  console.log(`skipped: ${why}`)
  return test.skip as typeof test
}

/** `test` with a pen, for tests that need these controllers. */
export function needing(...needed: string[]): typeof test {
  const missing = needed.filter((name) => !controllersHere().includes(name))
  return missing.length === 0 ? test : skipped(`there is no ${missing.join(' and no ')} in cgroup v2 here`)
}

/** `test` with a pen, for tests of what is done where the kernel does not give a controller. */
export function lacking(name: string): typeof test {
  return controllersHere().includes(name) ? skipped(`there is ${name} in cgroup v2 here`) : test
}
