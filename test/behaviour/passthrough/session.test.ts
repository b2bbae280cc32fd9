// Sessions that nothing holds: what is ended with them all the same, and what the receipt says of the rest.
import { describe, expect, onTestFinished, vi } from 'vitest'
import { openCorral, type Session } from '../../../src/index.js'
import { eventually, SLOWNESS } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { output } from '../../support/output.js'
import { test } from '../../support/pen-test.js'

const sleeper = { command: 'sleep', args: ['1000'], mode: 'persistent' } as const
const said = (session: Session, pattern: RegExp) => {
  if (!session.process.stdout) throw new Error('no stdout')
  return line(session.process.stdout, pattern)
}

test('the receipt says that nothing is held, and by whom', async ({ pen }) => {
  const corral = await openInPen(pen, { enforcement: 'best-effort', sessions: { memoryMax: '1G' } })
  expect([corral.backend, corral.root, corral.guard]).toEqual([
    'passthrough',
    undefined,
    { alive: false, deaths: 0 },
  ])
  expect(await corral.sweep()).toEqual({ collected: [], live: [], failed: [] })
  expect(corral.limits()).toMatchObject([{ name: 'memoryMax', applied: null, enforcedBy: 'none' }])
  const session = await corral.spawn({ ...sleeper, key: 'k', limits: { pidsMax: 7 } })
  expect(session.receipt).toMatchObject({
    backend: 'passthrough',
    path: '',
    createdInPlace: false,
    limits: [{ name: 'pidsMax', requested: 7, applied: null, enforcedBy: 'none', effective: null }],
  })
  session.setLimits({ pidsMax: 8, memoryMax: '25%' })
  expect(session.receipt.limits.map(({ enforcedBy }) => enforcedBy)).toEqual(['none', 'none'])
  await corral.setFamilyLimits('k', { pidsMax: 9 })
  expect(corral.familyLimits('k')).toMatchObject([{ requested: 9, enforcedBy: 'none' }])
})

test('what a leader leaves in its process group ends by itself while it works, and is killed when it sleeps', async ({
  pen,
}) => {
  const corral = await openInPen(pen, { drainMs: 600_000 })
  const works = 'exec > >(cat; for ((i = 0; i < 50000; i++)); do :; done; echo counted); echo last'
  const detached = (script: string) => ({ command: 'bash', args: ['-c', script], detached: true })
  const session = await corral.spawn(detached(works))
  expect(await output(session.process.stdout)).toBe('last\ncounted\n')
  expect((await session.closed).killed.count).toBe(0)
  const sleeping = await corral.spawn({ ...detached('sleep 1000 & exit'), stdio: 'ignore' })
  expect((await sleeping.closed).killed.count).toBe(1)
})

test('a limit that is required is refused, wherever it stands, and nothing runs', async ({ pen }) => {
  const refused = { code: 'CORRAL_LIMIT_UNSUPPORTED' }
  await expect(openCorral({ backend: 'passthrough', sessions: { memoryMax: '1G' } })).rejects.toMatchObject(
    refused,
  )
  const corral = await openInPen(pen)
  await expect(corral.spawn({ ...sleeper, limits: { pidsMax: 7 } })).rejects.toMatchObject(refused)
  await expect(corral.wrap('true', [], { limits: { pidsMax: 7 } })).rejects.toMatchObject(refused)
  expect(() => corral.setLimits({ pidsMax: 7 })).toThrow(/plain child processes/)
  const session = await corral.spawn(sleeper)
  expect(() => session.setLimits({ pidsMax: 7 })).toThrow(/best-effort/)
  await expect(corral.setFamilyLimits('k', { pidsMax: 7 })).rejects.toMatchObject(refused)
  expect(await pen.members()).toEqual([session.process.pid])
})

test('a command of others is given unchanged, and ended by the program that starts it', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { command, args, session } = await corral.wrap('true', ['1'])
  expect([command, args, session.members()]).toEqual(['true', ['1'], []])
  expect(session.receipt.notHeld?.[0]).toMatch(/the program that starts it has to end it/)
  expect(await session.close()).toMatchObject({ reason: 'closed', exitCode: null, killed: { count: 0 } })
  expect(corral.list()).toEqual([])
})

test('it is taken only where it is asked for, and takes no root', async ({ pen }) => {
  const here = await openCorral({ root: pen.path, unsupported: 'passthrough' })
  onTestFinished(() => here.close().then(() => undefined))
  expect(here.backend).toBe('cgroup')
  await expect(openCorral({ backend: 'passthrough', root: pen.path })).rejects.toThrow(/cannot have a root/)
  await expect(openCorral({ unsupported: 'ignore' as 'reject' })).rejects.toThrow(/'reject' or 'passthrough'/)
})

describe('a detached leader', () => {
  // It is ready when what leaves the group has left it
  const tree = (last: string) => `sleep 1000 & setsid sh -c 'echo ready; exec sleep 1000' & ${last}`

  test('is ended with its process group, but not with what left that', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', tree('wait')],
      detached: true,
      mode: 'persistent',
    })
    await said(session, /^ready$/)
    await eventually('all are there', async () => (await pen.members()).length === 3)
    expect(await session.close({ graceMs: 1_000_000 })).toMatchObject({
      signal: 'SIGTERM',
      killed: { count: 0 },
    })
    expect(await pen.members()).toHaveLength(1)
  })

  test('has the group that it left killed, and counted as one', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', tree('read _; exit 3')],
      detached: true,
    })
    await said(session, /^ready$/)
    session.process.stdin?.write('\n')
    expect(await session.closed).toMatchObject({
      reason: 'oneshot-complete',
      exitCode: 3,
      killed: { count: 1, names: ['sh'] },
    })
    expect(await pen.members()).toHaveLength(1)
  })

  test('has a group that ignores SIGTERM killed when the grace time is over', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', 'trap "exit 4" TERM; (trap "" TERM; echo ready; sleep 1000; :) & wait'],
      detached: true,
      mode: 'persistent',
    })
    await said(session, /^ready$/)
    const graceMs = 1000 * SLOWNESS // the leader has ended by then
    const report = await session.close({ graceMs })
    expect(report).toMatchObject({ exitCode: 4, killed: { count: 1 }, graceUsedMs: graceMs })
    expect(await pen.members()).toEqual([])
  })
})

test('further processes are members, and end with the session', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn(sleeper)
  const further = await session.spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 1000; done'])
  if (!further.stdout) throw new Error('no stdout')
  await line(further.stdout, /^ready$/)
  expect(session.members()).toEqual([session.process.pid, further.pid])
  expect(session.usage()).toEqual({})
  // The leader has ended by then
  expect(await session.close({ graceMs: 1000 * SLOWNESS })).toMatchObject({
    killed: { count: 1, names: ['sh'] },
  })
  expect(await further.exited).toEqual({ code: null, signal: 'SIGKILL' })
})

test('directory, environment, argv0 and further descriptors are those that were asked for', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const { process: child } = await corral.spawn({
    command: '/bin/sh',
    args: ['-c', 'echo "$0 $PWD $A $HOME." >&3'],
    argv0: 'renamed',
    cwd: '/usr',
    env: { A: 'b=c', HOME: undefined },
    stdio: ['ignore', 'fifo', 'inherit', 'pipe'],
  })
  expect(await output(child.stdio[3] as NodeJS.ReadableStream as typeof child.stdout)).toBe(
    'renamed /usr b=c .\n',
  )
  expect([child.stdin, child.stderr, child.spawnargs[0]]).toEqual([null, null, 'renamed'])
})

test('a directory that there is none of is named', async ({ pen }) => {
  const corral = await openInPen(pen)
  await expect(corral.spawn({ command: 'true', cwd: '/nonexistent' })).rejects.toMatchObject({
    code: 'CORRAL_SPAWN_FAILED',
    systemCode: 'ENOENT',
    hint: 'Create the directory /nonexistent, or choose another cwd',
  })
})

describe('on Windows', () => {
  const onWindows = () => {
    const spy = vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
    onTestFinished(() => spy.mockRestore())
  }

  test('a process is asked by the end of its stdin alone: SIGTERM would be no question there', async ({
    pen,
  }) => {
    onWindows()
    const corral = await openInPen(pen)
    const script = 'trap "exit 9" TERM; read line; exit 5'
    const session = await corral.spawn({ command: 'sh', args: ['-c', script], mode: 'persistent' })
    const further = await session.spawn('cat')
    expect(await session.close({ graceMs: 1_000_000 })).toMatchObject({ exitCode: 5, killed: { count: 0 } })
    expect(await further.exited).toEqual({ code: 0, signal: null })
  })

  test('what goes on after that is killed when the grace time is over, without its group', async ({
    pen,
  }) => {
    onWindows()
    const corral = await openInPen(pen)
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', 'sleep 1000 & echo ready; wait'],
      detached: true,
    })
    await said(session, /^ready$/)
    const report = await session.close({ graceMs: 100 })
    expect(report).toMatchObject({ signal: 'SIGKILL', killed: { count: 1 }, graceUsedMs: 100 })
    expect(await pen.members()).toHaveLength(1)
  })
})
