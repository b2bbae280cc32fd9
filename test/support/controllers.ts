// Tests that need controllers of cgroup v2: where the kernel does not give them to the tests, they are skipped, and the
// run says so.
import { inject } from 'vitest'
import { controllersOf } from './controllers-of.js'
import { CGROUPS, test } from './pen-test.js'

export { MEMORY_V1, PRESSURE } from './controllers-of.js'

/** The controllers that the directory of all tests has. */
export const controllersHere = () => (CGROUPS ? controllersOf(inject('suiteRoot')) : [])

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
