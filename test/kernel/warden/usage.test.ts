// What corral-warden says to those who call it wrongly: a line on what was wrong, how it is used, status 2.
import { describe, expect, test } from 'vitest'
import { packageVersion } from '../../../src/native/addon.js'
import { PROTOCOL } from '../../../src/native/protocol.js'
import { warden } from './warden.js'

describe('corral-warden', () => {
  test.for([
    ['no role', [], /no role given/],
    ['a role that there is not', ['rule', '--', 'true'], /no role rule/],
    ['an option that there is not', ['run', '--bogus', '--', 'true'], /how it is used/],
    ['no command', ['run', '--root', '/nowhere'], /no command/],
    ['an empty command', ['run', '--root', '/nowhere', '--', ''], /no command/],
    ['a run without a root', ['run', '--', 'true'], /takes --root/],
    ['a root without cgroups', ['run', '--hold', '--root', '/nowhere', '--', 'true'], /there is no cgroup/],
    ['a setting without cgroups', ['run', '--hold', '--set', 'a.b=1', '--', 'true'], /there is no cgroup/],
    [
      'a way up as place',
      ['run', '--root', '/nowhere', '--place', 'a/../b', '--', 'true'],
      /--place takes .*a\/\.\.\/b/,
    ],
    [
      'an empty name in a place',
      ['run', '--root', '/nowhere', '--place', 'a//b', '--', 'true'],
      /--place takes/,
    ],
    [
      'the place of the processes',
      ['run', '--root', '/nowhere', '--place', 'agent', '--', 'true'],
      /--place takes/,
    ],
    [
      'a setting without a value',
      ['run', '--root', '/nowhere', '--set', 'memory.max', '--', 'true'],
      /--set takes/,
    ],
    [
      'a setting elsewhere',
      ['run', '--root', '/nowhere', '--set', '../memory.max=1', '--', 'true'],
      /--set takes/,
    ],
    [
      'a grace time that is no number',
      ['run', '--root', '/nowhere', '--grace', '1s', '--', 'true'],
      /--grace takes .*'1s'/,
    ],
    [
      'a negative grace time',
      ['run', '--root', '/nowhere', '--grace', '-1', '--', 'true'],
      /--grace takes .*'-1'/,
    ],
    ['an entry without a group', ['enter', '--', 'true'], /takes --group and --id/],
    ['a guard of nobody', ['guard', '--root', '/nowhere'], /takes --root, --instance and --owner/],
  ] as const)('ends with 2 for %s', async ([, args, says]) => {
    const { status, stdout, stderr } = await warden(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(says)
  })

  test('ends with 1 where the root is none', async () => {
    const { status, stderr } = await warden(['run', '--root', '/nowhere', '--', 'true'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^corral: the root \/nowhere cannot be had: No such file or directory\n$/)
  })

  test.for(['guard', 'keep'])('ends with 3 as %s of a protocol that it does not know', async (role) => {
    const { status, stderr } = await warden([role, '--protocol', String(PROTOCOL + 1), '--owner', '1'])
    expect(status).toBe(3)
    expect(stderr).toBe(
      `corral: protocol ${PROTOCOL + 1} is not known: this is ${PROTOCOL}, of version ${packageVersion()}\n`,
    )
  })
})
