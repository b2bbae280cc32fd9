// Each limit on a living session: what was asked for, what the receipt says and what the kernel's file holds are the
// same, by the library and by `corral run`.
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import type { RaisedLimit } from '../../../src/backend/facts.js'
import type { LimitName } from '../../../src/index.js'
import { LIVING, running } from '../../cli/command-line.js'
import { needing } from '../../support/controllers.js'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'

const MIB = 2 ** 20

interface Example {
  name: LimitName
  option: string
  asked: string | number
  /** The same in bytes, counts or cores. */
  value: number
  file: string
  text: string
}

const examples: Example[] = [
  {
    name: 'memoryMax',
    option: '--memory-max',
    asked: '64M',
    value: 64 * MIB,
    file: 'memory.max',
    text: `${64 * MIB}`,
  },
  {
    name: 'memoryHigh',
    option: '--memory-high',
    asked: '48M',
    value: 48 * MIB,
    file: 'memory.high',
    text: `${48 * MIB}`,
  },
  { name: 'swapMax', option: '--swap-max', asked: '1M', value: MIB, file: 'memory.swap.max', text: `${MIB}` },
  { name: 'swapMax', option: '--swap-max', asked: 0, value: 0, file: 'memory.swap.max', text: '0' },
  { name: 'pidsMax', option: '--pids-max', asked: 100, value: 100, file: 'pids.max', text: '100' },
  { name: 'cpuMax', option: '--cpu-max', asked: 0.5, value: 0.5, file: 'cpu.max', text: '50000 100000' },
  { name: 'cpuWeight', option: '--cpu-weight', asked: 50, value: 50, file: 'cpu.weight', text: '50' },
  { name: 'ioWeight', option: '--io-weight', asked: 200, value: 200, file: 'io.weight', text: 'default 200' },
]

/** A kernel can have a controller without all of its files. */
const hasFile = (pen: Pen, file: string) => existsSync(join(pen.path, file))

const held = async (group: string, file: string) => (await readFile(join(group, file), 'utf8')).trimEnd()

needing('memory')('the report says what a session leaves in shared memory', async ({ pen }) => {
  const left = `/dev/shm/corral-left-${process.pid}`
  onTestFinished(() => rm(left, { force: true }))
  const corral = await openInPen(pen)
  const none = await corral.spawn({ command: 'true' })
  expect((await none.closed).usage.sharedBytes).toBe(0)
  const leaves = await corral.spawn({ command: 'sh', args: ['-c', `head -c ${8 * MIB} /dev/zero >${left}`] })
  expect((await leaves.closed).usage.sharedBytes).toBe(8 * MIB)
})

describe.each(examples)('$name of $asked', ({ name, option, asked, value, file, text }) => {
  const test = needing(file.split('.')[0] ?? '')

  test('is what the receipt says and the kernel holds', async ({ pen, skip }) => {
    skip(!hasFile(pen, file), `this kernel has no ${file}`)
    const corral = await openInPen(pen)
    const { receipt } = await corral.spawn({ command: 'cat', limits: { [name]: asked } })
    expect(receipt.limits).toMatchObject([{ name, requested: value, applied: value, enforcedBy: 'cgroup' }])
    expect(await held(receipt.path, file)).toBe(text)
  })

  test('is held by the kernel for corral run', async ({ pen, skip }) => {
    skip(!hasFile(pen, file), `this kernel has no ${file}`)
    const { child, exited } = await running(pen, [option, `${asked}`], LIVING)
    const groups = (await pen.groups()).filter((group) => basename(group) === 'agent')
    expect(await Promise.all(groups.map((group) => held(group, file)))).toEqual([text])
    child.stdin.end()
    expect(await exited).toEqual([0, null])
  })
})

needing(
  'memory',
  'pids',
  'cpu',
)('limits of several controllers hold together', async ({ pen }) => {
  const corral = await openInPen(pen)
  const several = examples.filter(({ file, asked }) => hasFile(pen, file) && asked !== 0)
  const limits = Object.fromEntries(several.map(({ name, asked }) => [name, asked]))
  const { receipt } = await corral.spawn({ command: 'cat', limits })
  const said = Object.fromEntries(receipt.limits.map(({ name, applied }) => [name, applied]))
  expect(said).toEqual(Object.fromEntries(several.map(({ name, value }) => [name, value])))
  for (const { file, text } of several) expect(await held(receipt.path, file)).toBe(text)
})

const RAISES = `group=$1$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")
for file in memory.max pids.max cpu.max; do echo max > "$group/$file" || echo "refused $file"; done; echo done; read -r over`

needing(
  'memory',
  'pids',
  'cpu',
)('limits that a process of the session has raised are told of in the report', async ({ pen }) => {
  const corral = await openInPen(pen)
  const [, mount = ''] = /^\S+ (\S+) cgroup2 /m.exec(await readFile('/proc/self/mounts', 'utf8')) ?? []
  const limits = { memoryMax: '64M', pidsMax: 10, cpuMax: 0.3 }
  const raised = await corral.spawn({ command: 'sh', args: ['-c', RAISES, 'sh', mount], limits })
  const told: RaisedLimit[] = []
  raised.on('raised', (limit) => told.push(limit))
  const all = [
    { name: 'memoryMax', set: 64 * MIB, held: null },
    { name: 'pidsMax', set: 10, held: null },
    { name: 'cpuMax', set: 0.3, held: null },
  ]
  await eventually('each is told of while it lives', () => told.length === 3, { instead: () => told })
  expect(told).toEqual(all)
  expect(raised.limits().map(({ applied }) => applied)).toEqual([null, null, null])
  expect(raised.receipt.limits.map(({ applied }) => applied)).toEqual([null, null, null])
  raised.setLimits({ pidsMax: 20 })
  expect((await raised.close()).limitsRaised).toEqual(all.filter(({ name }) => name !== 'pidsMax'))
  expect(told).toEqual(all)
  const left = await corral.spawn({ command: 'true', limits })
  expect(await left.closed).not.toHaveProperty('limitsRaised')
})
