// `corral set` changes limits of live sessions, whoever owns them.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect } from 'vitest'
import { needing } from '../support/controllers.js'
import { openInPen } from '../support/open-in-pen.js'
import { test } from '../support/pen-test.js'
import { corral, LIVING, refused, running } from './command-line.js'

const MIB = 2 ** 20
const living = { command: 'cat', mode: 'persistent' } as const

describe('corral set', () => {
  const limited = needing('memory', 'pids')

  limited('changes, lifts and prints what holds', async ({ pen }) => {
    const owner = await openInPen(pen, { sessions: { memoryMax: '256M' } })
    const { receipt } = await owner.spawn({ ...living, key: 'k', limits: { pidsMax: 100 } })
    const read = (file: string) => readFileSync(join(receipt.path, file), 'utf8')

    const set = await corral(['set', '--root', pen.path, 'k', '--memory-max', '1G', '--pids-max', '7'])
    expect(set).toEqual({
      status: 0,
      signal: null,
      stdout: `k: memoryMax ${2 ** 30} (in effect ${256 * MIB}), pidsMax 7\n`,
      stderr: '',
    })
    expect([read('memory.max'), read('pids.max')]).toEqual([`${2 ** 30}\n`, '7\n'])

    const lifted = await corral([
      'set',
      '--root',
      pen.path,
      'k',
      '--memory-max',
      'none',
      '--pids-max',
      'none',
    ])
    expect(lifted).toMatchObject({ status: 0, stdout: 'k: lifted\n' })
    expect([read('memory.max'), read('pids.max')]).toEqual(['max\n', 'max\n'])
  })

  limited('of a family is for all of it together', async ({ pen }) => {
    const owner = await openInPen(pen)
    const { receipt } = await owner.spawn({ ...living, key: 'child', parentKey: 'mother' })
    await owner.spawn({ ...living, key: 'mother', parentKey: undefined })
    const args = ['set', '--json', '--root', pen.path, '--family', 'mother', '--memory-max', '96M']
    const { status, stdout } = await corral(args)
    const family = dirname(dirname(receipt.path))
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([
      {
        instance: owner.id,
        key: 'mother',
        path: family,
        limits: [{ applied: 96 * MIB, enforcedBy: 'cgroup' }],
      },
    ])
    expect(readFileSync(join(family, 'memory.max'), 'utf8')).toBe(`${96 * MIB}\n`)
  })

  limited(
    'is seen in the receipt of the gateway at once, and names a key that nobody has',
    async ({ pen }) => {
      const owner = await openInPen(pen)
      const session = await owner.spawn({ ...living, key: 'k', limits: { pidsMax: 100 } })
      const told = await corral(['set', '--root', pen.path, 'k', 'nobody', '--pids-max', '7'])
      expect(told).toMatchObject({
        status: 1,
        stdout: 'k: pidsMax 7\n',
        stderr: 'corral: nobody: no such session\n',
      })
      expect(session.receipt.limits).toMatchObject([
        { name: 'pidsMax', requested: 100, applied: 7, effective: 7 },
      ])
      await session.close({ graceMs: 0 })
      expect(session.receipt.limits).toMatchObject([{ name: 'pidsMax', requested: 100 }])
    },
  )

  limited('reaches a corral run', async ({ pen }) => {
    await running(pen, ['--session', 'k', '--pids-max', '50', '--cpu-weight', '20'], LIVING)
    const { stdout } = await corral(['set', '--json', '--root', pen.path, 'k', '--pids-max', '60'])
    expect(JSON.parse(stdout)).toMatchObject([{ key: 'k', limits: [{ name: 'pidsMax', applied: 60 }] }])
  })

  test('ends with 1 where there is no such session', async ({ pen }) => {
    const { status, stderr } = await corral(['set', '--root', pen.path, 'nobody', '--pids-max', '7'])
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'corral: nobody: no such session\n' })
  })

  test.for([
    ['no key', ['--pids-max', '7'], /missing required argument/],
    ['no limit', ['k'], /no limit to change/],
    [
      'a size that cannot be read',
      ['k', '--memory-max', '1.5X'],
      /Invalid --memory-max: expected .*'512M'.*, got '1.5X'/,
    ],
    ['a count that is none', ['k', '--pids-max', 'many'], /Expected a number/],
    ['a negative count', ['k', '--pids-max', '-1'], /Invalid --pids-max: .*, got -1/],
  ] as const)('ends with 2 for %s', async ([, args, says], { pen }) => {
    const { status, stdout, stderr } = await refused(['set', '--root', pen.path, ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(says)
  })
})
