// What the leader of a oneshot session leaves ends by itself, where it has still work to do; all else is killed at once.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect } from 'vitest'
import { start } from '../../cli/command-line.js'
import { runInPen } from '../../support/backend.js'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import { output } from '../../support/output.js'
import { test } from '../../support/pen-test.js'

// Longer than any of these may take
const drainMs = 600_000
const bash = (script: string) => ({ command: 'bash', args: ['-c', script] })
// Has read all of its input, and works for a while before it says so
const COUNTS = 'exec > >(cat; for ((i = 0; i < 50000; i++)); do :; done; echo counted); echo last'

test('what has still to write gets that done', async ({ pen }) => {
  const corral = await openInPen(pen, { drainMs })
  const session = await corral.spawn(bash(COUNTS))
  expect(await output(session.process.stdout)).toBe('last\ncounted\n')
  expect(await session.closed).toMatchObject({
    reason: 'oneshot-complete',
    killed: { count: 0 },
    graceUsedMs: 0,
  })
})

test('a wrapped command is drained as well', async ({ pen }) => {
  const corral = await openInPen(pen, { drainMs })
  const { command, args, session } = await corral.wrap('bash', ['-c', COUNTS])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  expect(await output(child.stdout)).toBe('last\ncounted\n')
  expect(await session.closed).toMatchObject({ killed: { count: 0 } })
})

test('corral run does so too, and waits for a reader that is slow', async ({ pen }) => {
  const words = ['run', ...runInPen(pen), '--drain', String(drainMs), '--', 'bash', '-c']
  const counts = start([...words, COUNTS])
  expect(await output(counts.stdout)).toBe('last\ncounted\n')
  const copies = start([...words, 'exec > >(exec cat); head -c 400000 /dev/zero; echo ended >&2'])
  const read = output(copies.stdout)
  copies.stdout.pause()
  await Promise.race([
    once(copies.stderr, 'data'),
    eventually('it is full', () => copies.stdout.readableLength > 0),
  ])
  copies.stdout.resume()
  expect(await read).toHaveLength(400_000)
})

describe('is killed as soon as it is seen:', () => {
  test.for([
    ['what sleeps', 'sleep 1000 & sleep 1000 & exit', 2],
    ['what is stopped', 'sleep 1000 & kill -STOP $!; exit', 1],
    ['what waits for input that does not come', 'mkfifo $0; cat <>$0 & exit', 1],
    [
      'what has many threads that all sleep',
      `${process.execPath} -e 'setTimeout(() => {}, 1e6)' & sleep 2; exit`, // timer: that it is alive is all
      1,
    ],
  ] as const)('%s', async ([, script, count], { pen, onTestFinished }) => {
    const corral = await openInPen(pen, { drainMs })
    const fifo = `${process.env['TMPDIR'] ?? '/tmp'}/corral-drain-${process.pid}`
    onTestFinished(() => void spawn('rm', ['-f', fifo]))
    const session = await corral.spawn({ command: 'bash', args: ['-c', script, fifo], stdio: 'ignore' })
    expect((await session.closed).killed.count).toBe(count)
  })

  test('what goes on starting others', async ({ pen }) => {
    const corral = await openInPen(pen, { drainMs })
    const session = await corral.spawn({ ...bash('while :; do /bin/true; done & exit'), stdio: 'ignore' })
    expect((await session.closed).killed.count).toBeGreaterThan(0)
  })
})

const SPINS = 'while :; do :; done & exit 3'

test('what never stops working is killed when the time is over', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ ...bash(SPINS), stdio: 'ignore', drainMs: 100 })
  const report = await session.closed
  expect(report).toMatchObject({ exitCode: 3, killed: { count: 1 } })
  expect(report.closeMs).toBeGreaterThanOrEqual(100)
  const none = await corral.spawn({ ...bash(COUNTS), drainMs: 0 })
  expect(await output(none.process.stdout)).not.toContain('counted')
})

test('a second ending cuts it short', async ({ pen }) => {
  const corral = await openInPen(pen, { drainMs })
  const session = await corral.spawn({ ...bash(SPINS), stdio: 'ignore', key: 'child', parentKey: 'parent' })
  await once(session, 'closing')
  expect(await corral.resetParent('parent')).toMatchObject([
    { reason: 'oneshot-complete', killed: { count: 1 } },
  ])
  const run = start([
    'run',
    ...runInPen(pen),
    '--drain',
    String(drainMs),
    '--',
    'bash',
    '-c',
    `echo $$; ${SPINS}`,
  ])
  const leader = Number(await once(run.stdout, 'data'))
  await eventually('the leader has ended', async () => !(await pen.members()).includes(leader))
  run.kill('SIGTERM')
  expect(await once(run, 'exit')).toEqual([3, null])
  expect(await pen.members()).toEqual([])
})
