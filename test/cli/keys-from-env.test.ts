// Session keys of `corral run` that come from the environment.
import { describe, expect, test as plain } from 'vitest'
import { keysFromEnv } from '../../src/cli/from-env.js'
import { test } from '../support/pen-test.js'
import { corral, refused } from './command-line.js'

const place = ['--', 'cat', '/proc/self/cgroup']

describe('corral run', () => {
  test.for([
    [
      'the usual variables',
      ['--session-from-env', '--parent-from-env'],
      /\/sessions\/mother\/child\/agent\/in$/m,
    ],
    [
      'the first that has a value',
      ['--session-from-env', 'NONE,EMPTY,OTHER,CORRAL_SESSION'],
      /\/sessions\/other\/agent\/in$/m,
    ],
    [
      'a generated key where none has',
      ['--session-from-env=NONE', '--parent-from-env'],
      /\/sessions\/mother\/run-\d+\/agent\/in$/m,
    ],
    ['no key but a generated one', ['--session-from-env', 'NONE'], /\/sessions\/[^/]+\/agent\/in$/m],
  ] as const)('takes %s', async ([, options, expected], { pen }) => {
    const env = { CORRAL_SESSION: 'child', CORRAL_PARENT: 'mother', OTHER: 'other', EMPTY: '' }
    const { status, stdout } = await corral(['run', '--root', pen.path, ...options, ...place], { env })
    expect(status).toBe(0)
    expect(stdout).toMatch(expected)
    expect(await pen.groups()).toEqual([])
  })

  test('refuses what cannot be a key, naming the variable', async ({ pen }) => {
    const args = ['run', '--root', pen.path, '--session-from-env', 'LONG', ...place]
    const { status, stderr } = await refused(args, { LONG: 'x'.repeat(4097) })
    expect(status).toBe(2)
    expect(stderr).toMatch(/^corral: Invalid value of LONG \(--session-from-env\): .*got 4097 bytes/)
    expect(await pen.groups()).toEqual([])
  })
})

plain.for([
  [{ session: 'a', sessionFromEnv: 'A' }, /cannot be used together/],
  [{ sessionFromEnv: 'A,,B' }, /expected names of variables/],
  [{ parentFromEnv: 'A=B' }, /expected names of variables/],
] as const)('keys cannot come from %j', ([options, message]) => {
  expect(() => keysFromEnv(options, {})).toThrow(message)
})
