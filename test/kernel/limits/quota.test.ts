// A CPU quota does not keep a session from ending: who was killed needs CPU time to end, and under 1 % sixty processes take longer than
// ten seconds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { CLI, corral, running } from '../../cli/command-line.js'
import { compiled } from '../../support/compile-payload.js'
import { needing } from '../../support/controllers.js'
import { eventually, SLOWNESS, within } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'

const test = needing('cpu')

const SOURCE = fileURLToPath(new URL('payloads/crowd.c', import.meta.url))
const COUNT = 60
const QUOTA = '1000 100000\n'
// Time enough for them without a quota on a machine that is ten times slower than a guest, and too little under it
const KILL_TIMEOUT_MS = 5000
// And enough for what starts under it on such a machine
const START_TIMEOUT_MS = 100_000

const crowd = async () => ({
  key: 'crowd',
  mode: 'persistent' as const,
  command: await compiled(SOURCE),
  args: [`${COUNT}`],
})
const quotaOf = (directory: string) => readFileSync(join(directory, 'cpu.max'), 'utf8')
const cap = (directory: string) => writeFileSync(join(directory, 'cpu.max'), QUOTA)

describe.each([
  ['of the session', 0],
  ['of its family', 1],
  ['of the family above', 2],
  ['of all sessions', 3],
] as const)('a quota %s', (_, levels) => {
  test('is lifted for its end, and for no longer', async ({ pen }) => {
    const corral = await openInPen(pen, { killTimeoutMs: KILL_TIMEOUT_MS, startTimeoutMs: START_TIMEOUT_MS })
    await corral.spawn({ key: 'above', command: 'sleep', args: ['1000'], mode: 'persistent' })
    const session = await corral.spawn({ ...(await crowd()), parentKey: 'above' })
    await once(session.process.stdout ?? session.process, 'data')
    let capped = session.receipt.path
    for (let level = 0; level < levels; level++) capped = dirname(capped)
    if (levels === 0) session.setLimits({ cpuMax: 0.01 })
    else cap(capped)
    expect(quotaOf(capped)).toBe(QUOTA)

    const report = await session.close({ graceMs: 0 })

    expect(report.killed.count).toBe(COUNT + 1)
    expect(report).not.toHaveProperty('limitsRaised')
    if (levels > 1) expect(quotaOf(capped)).toBe(QUOTA)
  })
})

test('a quota of several that end at once is set again after the last', async ({ pen }) => {
  const corral = await openInPen(pen, { killTimeoutMs: KILL_TIMEOUT_MS, startTimeoutMs: START_TIMEOUT_MS })
  const { command, mode } = await crowd()
  const sessions = await Promise.all(
    [1, 2, 3].map(() => corral.spawn({ command, args: ['20'], mode, parentKey: 'all' })),
  )
  await Promise.all(sessions.map(({ process }) => line(process.stdout ?? globalThis.process.stdin, /crowd/)))
  const all = dirname(dirname(dirname(sessions[0]?.receipt.path ?? '')))
  cap(all)
  await Promise.all(sessions.map((session) => session.close({ graceMs: 0 })))
  expect(quotaOf(all)).toBe(QUOTA)
})

test('a quota of a cgroup that the session made is lifted for its end', async ({ pen }) => {
  const corral = await openInPen(pen, { killTimeoutMs: KILL_TIMEOUT_MS, startTimeoutMs: START_TIMEOUT_MS })
  const { command } = await crowd()
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', 'read go; exec "$0" "$@"', command, `${COUNT}`],
    mode: 'persistent',
  })
  const own = join(session.receipt.path, 'own')
  mkdirSync(own)
  writeFileSync(join(own, 'cgroup.procs'), `${session.process.pid}`)
  writeFileSync(join(session.receipt.path, 'cgroup.subtree_control'), '+cpu')
  session.process.stdin?.write('go\n')
  await once(session.process.stdout ?? session.process, 'data')
  cap(own)
  expect((await session.close({ graceMs: 0 })).killed.count).toBe(COUNT + 1)
})

describe('many processes under a quota leave nothing when they are ended', () => {
  const nothingLeft = (pen: Pen) =>
    eventually('nothing is left', async () => (await pen.groups()).length === 0, {
      instead: () => pen.groups(),
    })
  const inTime = <Result>(ending: Promise<Result>, what: string) =>
    within(what, ending, KILL_TIMEOUT_MS / SLOWNESS)

  async function capped(pen: Pen) {
    const gateway = await Gateway.open(undefined, {
      root: pen.path,
      killTimeoutMs: KILL_TIMEOUT_MS,
      startTimeoutMs: START_TIMEOUT_MS,
    })
    const { receipt } = await gateway.spawn(await crowd(), 'crowd')
    const sessions = join(pen.path, 'corral', gateway.instance, 'sessions')
    for (const directory of [receipt.path, sessions]) cap(directory)
    return { gateway, sessions }
  }

  test('by the guard', async ({ pen }) => {
    const { gateway } = await capped(pen)
    await gateway.kill()
    await inTime(nothingLeft(pen), 'the guard')
  })

  test('by a sweep', async ({ pen }) => {
    const { gateway } = await capped(pen)
    await gateway.killWithGuard(pen.path)
    expect(await inTime(corral(['sweep', '--root', pen.path]), 'the sweep')).toMatchObject({ status: 0 })
    await nothingLeft(pen)
  })

  test('by corral kill, which sets it again', async ({ pen }) => {
    const { gateway, sessions } = await capped(pen)
    const killing = corral(['kill', '--root', pen.path, '--grace', '0', 'crowd'])
    expect(await inTime(killing, 'corral kill')).toMatchObject({
      status: 0,
      stdout: `crowd: gone (${COUNT + 1} killed)\n`,
    })
    expect(quotaOf(sessions)).toBe(QUOTA)
    await gateway.leave()
  })

  test('by corral kill that dies at it, and the next ending sets it again', async ({ pen }) => {
    const { gateway, sessions } = await capped(pen)
    await gateway.spawn({ key: 'other', command: 'cat' })
    const killer = spawn(process.execPath, [CLI, 'kill', '--root', pen.path, '--grace', '0', 'crowd'], {
      stdio: 'ignore',
    })
    const dead = once(killer, 'exit')
    const killed = watch(join(sessions, 'cpu.max'), () => void killer.kill('SIGKILL'))
    expect(await dead).toEqual([null, 'SIGKILL'])
    killed.close()
    expect(quotaOf(sessions)).not.toBe(QUOTA)
    await gateway.close('other', { graceMs: 0 })
    expect(quotaOf(sessions)).toBe(QUOTA)
    await gateway.leave()
  })

  test('by corral run', async ({ pen }) => {
    const { command } = await crowd()
    const run = await running(
      pen,
      ['--session', 'crowd', '--grace', '0'],
      `echo ready; exec ${command} ${COUNT}`,
    )
    await run.says(/^crowd$/)
    expect(await corral(['set', '--root', pen.path, 'crowd', '--cpu-max', '0.01'])).toMatchObject({
      status: 0,
    })
    run.child.kill('SIGTERM')
    await inTime(run.exited, 'corral run')
    await nothingLeft(pen)
  })
})
