// The ledger of a gateway that was killed, and that of `corral run`: held by a cgroup or by a subreaper.
import { expect } from 'vitest'
import { corral, running } from '../../cli/command-line.js'
import { BACKEND, runInPen } from '../../support/backend.js'
import { differs } from '../../support/differences.js'
import { eventually } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { linesIn, newLedger } from '../../support/ledger-lines.js'
import { test } from '../../support/pen-test.js'
import { makePens } from '../../support/pens.js'

const guard = differs('held', { cgroup: () => 'guard', subreaper: () => 'keeper', passthrough: () => '' })
const byKey = (one: { key: string | null }, other: { key: string | null }) =>
  (one.key ?? '') < (other.key ?? '') ? -1 : 1

test('of a gateway that was killed, the processes that end its sessions write the lines', async ({
  skip,
}) => {
  await using pens = await makePens(skip)
  const ledger = await newLedger()
  const place = BACKEND === 'cgroup' ? { root: pens.root.path } : { backend: BACKEND }
  const gateway = await Gateway.open(pens.gateways, { ...place, ledger })
  await gateway.spawn({ key: 'mother', command: 'sleep', args: ['1000'] })
  await gateway.spawn({
    key: 'child ü',
    parentKey: 'mother',
    command: '/bin/sh',
    args: ['-c', 'sleep 1000; :'],
  })
  await gateway.spawn({ key: 'gone', command: 'true' })
  await gateway.close('gone', { graceMs: 0 })
  await gateway.kill()
  await eventually('both have a line', () => linesIn(ledger).length === 3)
  const common = { instance: gateway.instance, mechanism: BACKEND }
  const dead = { ...common, reason: 'gateway-gone', exitCode: null, writer: guard }
  const lines = linesIn(ledger)
  expect(lines.toSorted(byKey)).toMatchObject([
    { ...dead, key: 'child ü', parentKey: 'mother', command: 'sh' },
    { ...common, key: 'gone', reason: 'closed', writer: 'library' },
    { ...dead, key: 'mother', parentKey: null, command: 'sleep', killed: 1, killedNames: ['sleep'] },
  ])
  for (const { cpuUs } of lines) expect(cpuUs).toBeGreaterThan(0)
  expect(new Set(lines.map(({ id }) => id)).size).toBe(3)
})

test('corral run --ledger writes how its command ended', async ({ pen }) => {
  const ledger = await newLedger()
  const run = ['run', ...runInPen(pen), '--ledger', ledger]
  await corral([...run, '--session', 's', '--parent', 'p', '--', 'sh', '-c', 'sleep 1000 & exit 5'])
  await corral([...run, '--timeout', '100', '--ledger-args', '--', '/bin/sleep', '1000'])
  await corral([...run, '--', 'no-such-command']) // nothing has run, so there is nothing to write
  const common = { mechanism: BACKEND, writer: 'run' }
  expect(linesIn(ledger)).toMatchObject([
    {
      ...common,
      key: 's',
      parentKey: 'p',
      command: 'sh',
      reason: 'oneshot-complete',
      exitCode: 5,
      signal: null,
      killed: 1,
    },
    {
      ...common,
      command: 'sleep',
      commandLine: '/bin/sleep 1000',
      reason: 'timeout',
      exitCode: null,
      signal: 'SIGTERM',
    },
  ])
})

test('of corral run that was killed, the process that ends its session writes the line', async ({ pen }) => {
  const ledger = await newLedger()
  const { child, exited } = await running(
    pen,
    ['--ledger', ledger, '--session', 's'],
    'echo ready; exec sleep 1000',
  )
  child.kill('SIGKILL')
  await exited
  await eventually('there is a line', () => linesIn(ledger).length === 1)
  expect(linesIn(ledger)).toMatchObject([{ key: 's', command: 'sh', reason: 'gateway-gone', writer: guard }])
})

test('corral run refuses a ledger that cannot be one, and starts nothing', async ({ pen }) => {
  const { status, stderr } = await corral([
    'run',
    ...runInPen(pen),
    '--ledger',
    '/dev/null',
    '--',
    'echo',
    'x',
  ])
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringContaining('the ledger /dev/null is no regular file'),
  })
})
