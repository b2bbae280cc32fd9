// Tests that need controllers of cgroup v2: where the kernel does not give them to the tests, they are skipped, and the
// run says so.
import { existsSync, readFileSync } from 'node:fs'
import { inject } from 'vitest'
import { test } from './pen-test.js'

/** What the kernel tells of pressure (psi.rst), named as if it were a controller. */
export const PRESSURE = 'pressure'

/** The controllers that the directory of all tests has. */
export function controllersHere(): string[] {
  const suite = inject('suiteRoot')
  const controllers = readFileSync(`${suite}/cgroup.controllers`, 'utf8').split(/\s+/).filter(Boolean)
  return existsSync(`${suite}/memory.pressure`) ? [...controllers, PRESSURE] : controllers
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
