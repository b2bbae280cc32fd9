// One session: how it begins, and each of the ways in which it ends.
import { once } from 'node:events'
import { expect } from 'vitest'
import { othersOf } from '../../../src/backend/others.js'
import { ClosingError, type Limits, type Session, StuckError } from '../../../src/index.js'
import { BACKEND, expectGone } from '../../support/backend.js'
import { lacking } from '../../support/controllers.js'
import { differs } from '../../support/differences.js'
import { eventually } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

// Two processes that ignore SIGTERM; says when both are there
const stubborn = { command: 'sh', args: ['-c', 'trap "" TERM; sleep 1000 & echo ready; wait'] }
// How many of them a session ends
const STUBBORN = differs('held', { cgroup: () => 2, subreaper: () => 2, passthrough: () => 1 })
const ready = (session: Session) => {
  if (!session.process.stdout) throw new Error('no stdout')
  return line(session.process.stdout, /^ready$/)
}

test('a oneshot session is over when its leader exits, and what the leader left is killed and counted', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', 'setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & exit 3'],
  })
  const report = await session.closed
  const left = differs('held', { cgroup: () => 0, subreaper: () => 0, passthrough: () => 2 })
  expect(report).toMatchObject({
    reason: 'oneshot-complete',
    exitCode: 3,
    signal: null,
    killed: { count: 2 - left },
    mode: 'oneshot',
  })
  expect(report.killed.names).toHaveLength(2 - left)
  expect(session.state).toBe('removed')
  expect(session.report).toBe(report)
  expect(await pen.members()).toHaveLength(left)
  await expectGone(session.receipt.path)
})

test('a persistent session goes on without its leader, and takes further processes, until it is closed', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'true', mode: 'persistent' })
  await session.process.exited
  const further = await session.spawn('sleep', ['1000'])
  expect(session.members()).toEqual([further.pid])
  expect(session.state).toBe('running')
  const report = await session.close({ graceMs: 0, reason: 'enough' })
  expect(report).toMatchObject({ reason: 'enough', exitCode: 0, killed: { count: 1 } })
})

test('close() ends stdin and asks with SIGTERM before it kills', async ({ pen }) => {
  const corral = await openInPen(pen)
  const script = `
    let asked = 0
    const done = () => ++asked === 2 && process.exit(9)
    process.stdin.resume().on('end', done)
    process.on('SIGTERM', done)
    setInterval(() => undefined, 1000) // timer: keeps it alive
    console.log('ready')`
  const session = await corral.spawn({ command: process.execPath, args: ['-e', script], mode: 'persistent' })
  await ready(session)
  const report = await session.close({ graceMs: 1_000_000 })
  expect(report).toMatchObject({ exitCode: 9, killed: { count: 0 } })
  expect(report.graceUsedMs).toBeGreaterThan(0)
  expect(report.graceUsedMs).toBeLessThanOrEqual(report.wallMs)
})

test('close() reaches a stopped process with SIGTERM and SIGCONT', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', 'trap "exit 5" TERM; echo ready; kill -STOP $$; sleep 1000'],
    mode: 'persistent',
  })
  await ready(session)
  expect(await session.close({ graceMs: 1_000_000 })).toMatchObject({ exitCode: 5, killed: { count: 0 } })
})

test('what ignores SIGTERM is killed when the grace time is over', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ ...stubborn, mode: 'persistent' })
  await ready(session)
  expect(session.receipt).toMatchObject({ backend: BACKEND, createdInPlace: BACKEND !== 'passthrough' })
  const others = () => (othersOf(BACKEND).length > 0 ? othersOf(BACKEND) : undefined)
  const held = differs('held', {
    cgroup: others,
    subreaper: others,
    passthrough: () => [
      expect.stringMatching(/^descendants of the processes/),
      expect.stringMatching(/gateway dies/),
    ],
  })
  expect(session.receipt.notHeld).toEqual(held)
  const report = await session.close({ graceMs: 100 })
  expect(report).toMatchObject({
    signal: 'SIGKILL',
    killed: { count: STUBBORN },
    graceMs: 100,
    graceUsedMs: 100,
  })
  expect(report.closeMs).toBeGreaterThanOrEqual(100)
  expect(report.wallMs).toBeGreaterThanOrEqual(report.closeMs)
})

test('what is there when the time for killing is over was killed, however short that time', async ({
  pen,
}) => {
  const corral = await openInPen(pen, { killTimeoutMs: 0 })
  const session = await corral.spawn({ ...stubborn, mode: 'persistent' })
  await ready(session)
  const exit = once(session.process, 'exit')
  // Before Corral looks again, the kernel may be done with them
  const ended = await session.close({ graceMs: 0 }).catch((error) => error)
  if (!(ended instanceof StuckError)) expect(ended).toMatchObject({ killed: { count: STUBBORN } })
  expect(await exit).toEqual([null, 'SIGKILL'])
  await eventually('closing it again finds nobody', () => session.close().catch(() => false))
  expect(session.state).toBe('removed')
})

test('closing twice gives one report, and less grace hastens the first', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ ...stubborn, mode: 'persistent' })
  await ready(session)
  const patient = session.close({ graceMs: 1_000_000, reason: 'first' })
  expect(session.state).toBe('closing')
  const hasty = session.close({ graceMs: 0, reason: 'second' })
  expect(await patient).toBe(await hasty)
  expect(await patient).toMatchObject({ reason: 'first', killed: { count: STUBBORN } })
  expect(await session.close()).toBe(await patient)
})

test('a session that is being closed, or over, takes no further process', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ ...stubborn, mode: 'persistent' })
  await ready(session)
  const closing = session.close({ graceMs: 100 })
  await expect(session.spawn('true')).rejects.toThrow(ClosingError)
  await closing
  await expect(session.spawn('true')).rejects.toThrow(/has ended/)
})

test('a process that is being started when the session is closed does not outlive it', async ({ pen }) => {
  const corral = await openInPen(pen)
  for (let round = 0; round < 20; round++) {
    const session = await corral.spawn({ command: 'sleep', args: ['1000'], mode: 'persistent' })
    // Listened to from the beginning: those that are given up are so before the session is closed
    const starting = Promise.allSettled([1, 2, 3].map(() => session.spawn('sleep', ['1000'])))
    await session.close({ graceMs: 0 })
    await starting
    expect(await pen.members()).toEqual([])
  }
})

test('a command that cannot be started rejects, with its cause, and leaves nothing', async ({ pen }) => {
  const corral = await openInPen(pen)
  await expect(corral.spawn({ key: 'k', command: '/nonexistent' })).rejects.toMatchObject({
    code: 'CORRAL_SPAWN_FAILED',
    systemCode: 'ENOENT',
    path: '/nonexistent',
  })
  expect(corral.list()).toEqual([])
  expect((await pen.groups()).filter((group) => group.includes('/sessions/'))).toEqual([])
  await corral.spawn({ key: 'k', command: 'true' }).then((session) => session.closed)
})

const unable = BACKEND === 'cgroup' ? lacking('pids') : test
unable(
  'a limit that cannot be enforced refuses the session before anything ran, unless told to make do',
  async ({ pen }) => {
    const limits = differs('limits', {
      cgroup: (): Limits => ({ pidsMax: 64 }),
      subreaper: () => ({ memoryMax: '64M', memoryHigh: '32M', pidsMax: 64, cpuMax: 1 }),
      passthrough: () => ({ memoryMax: '64M', pidsMax: 64 }),
    })
    const corral = await openInPen(pen)
    await expect(corral.spawn({ command: 'true', limits })).rejects.toMatchObject({
      code: 'CORRAL_LIMIT_UNSUPPORTED',
    })
    expect(await pen.members()).toEqual([])
    const lenient = await openInPen(pen, { enforcement: 'best-effort' })
    const session = await lenient.spawn({ command: 'true', limits })
    const enforcers = Object.fromEntries(
      session.receipt.limits.map(({ name, enforcedBy }) => [name, enforcedBy]),
    )
    expect(enforcers).toEqual(
      differs('limits', {
        cgroup: (): object => ({ pidsMax: 'none' }),
        subreaper: () => ({ memoryMax: 'watchdog', memoryHigh: 'none', pidsMax: 'none', cpuMax: 'none' }),
        passthrough: () => ({ memoryMax: 'none', pidsMax: 'none' }),
      }),
    )
    await session.closed
  },
)

test('a session of which somebody else killed all reports that', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'sleep', args: ['1000'], mode: 'persistent' })
  const exited = once(session.process, 'exit')
  await pen.kill()
  await exited
  // Without word from the killer it is an ordinary end of a persistent session's leader
  const goesOn = async () => {
    expect(session.state).toBe('running')
    expect(await session.close()).toMatchObject({ signal: 'SIGKILL', killed: { count: 0 } })
  }
  await differs('killer', {
    cgroup: goesOn,
    passthrough: goesOn,
    subreaper: async () =>
      expect(await session.closed).toMatchObject({ reason: 'holder-killed', signal: 'SIGKILL' }),
  })
})

test('is disposed of at the end of an `await using` block', async ({ pen }) => {
  const corral = await openInPen(pen)
  let kept: Session
  {
    await using session = await corral.spawn({ command: 'sleep', args: ['1000'], mode: 'persistent' })
    kept = session
  }
  expect(kept.state).toBe('removed')
})
