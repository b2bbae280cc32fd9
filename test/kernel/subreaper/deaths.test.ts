// Who ends the sessions when one of those who hold them is killed, stopped or busy: gateway, keeper, holder.
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { describe, expect } from 'vitest'
import { othersOf } from '../../../src/backend/others.js'
import { whole } from '../../chaos/crash/numbers.js'
import { CLI } from '../../cli/command-line.js'
import { withoutWardens } from '../../support/entered-pen.js'
import { eventually } from '../../support/eventually.js'
import type { Gateway } from '../../support/gateway.js'
import { lacks } from '../../support/lacks.js'
import { line } from '../../support/line.js'
import { output } from '../../support/output.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { statOf, statusOf } from '../warden/warden.js'
import { expectMembers, nobodyLeft, startGateway } from './gateway.js'

const ROUNDS = whole('CORRAL_ESCAPE_ROUNDS', { least: 1 }) ?? 1

// A daemon, a child, and a leader: none of them ends by itself or on SIGTERM
const family = {
  command: 'sh',
  args: ['-c', 'trap "" TERM; sleep 1000 & (setsid sleep 1000 &); sleep 1000 & echo ready; wait'],
}
const FAMILY = 4
const SWEEP = ['sweep', '--backend', 'subreaper', '--json', '--dry-run']

const holderOf = ({ receipt }: { receipt: { path: string } }) => Number(receipt.path.split('/').at(-1))

describe('a gateway that is killed', { repeats: ROUNDS - 1 }, () => {
  test('leaves nothing of many sessions, whatever it was doing', async ({ pen }) => {
    const gateway = await startGateway(pen)
    await Promise.all(Array.from({ length: 8 }, () => gateway.spawn(family, 'ready')))
    const doings = [
      gateway.spawn(family),
      gateway.spawn(family),
      gateway.ask('end'),
      gateway.ask('block', 1000),
    ]
    await Promise.all([gateway.kill(), Promise.allSettled(doings)])
    await nobodyLeft(pen)
  })

  test('leaves nothing when a holder is stopped', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const session = await gateway.spawn(family, 'ready')
    process.kill(holderOf(session), 'SIGSTOP')
    await gateway.kill()
    await nobodyLeft(pen)
  })

  test('leaves nothing when its keeper was killed just before', async ({ pen }) => {
    const gateway = await startGateway(pen)
    await gateway.spawn(family, 'ready')
    process.kill(await gateway.keeper(), 'SIGKILL')
    await gateway.kill()
    await nobodyLeft(pen)
  })
})

describe('a holder that is killed', () => {
  test('costs no other session, and the key is free again', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const other = await gateway.spawn(family, 'ready')
    const session = await gateway.spawn({ ...family, key: 'k' }, 'ready')
    process.kill(holderOf(session), 'SIGKILL')
    const report = await gateway.closed('k')
    // The gateway kills the leader, whom it knows, as well: the keeper may find it dead
    expect(report.killed.count).toBeGreaterThanOrEqual(FAMILY - 1)
    await gateway.spawn({ ...family, key: 'k' }, 'ready')
    for (const key of [other.key, 'k']) await expectMembers(gateway, key, FAMILY)
    await gateway.ask('end')
    expect(await gateway.held()).toEqual([])
  })

  test('is noticed also by a session that lost its leader', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const session = await gateway.spawn({ command: 'sh', args: ['-c', 'sleep 1000 & echo ready'] }, 'ready')
    expect(await gateway.ask('exited', session.key)).toEqual({ code: 0, signal: null })
    process.kill(holderOf(session), 'SIGKILL')
    const report = await gateway.closed(session.key)
    expect(report).toMatchObject({ reason: 'holder-killed', exitCode: 0, killed: { count: 1 } })
    expect(await gateway.held()).toEqual([])
  })

  test('and is stopped instead, cannot keep its session from being closed', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const session = await gateway.spawn(family, 'ready')
    process.kill(holderOf(session), 'SIGSTOP')
    await gateway.close(session.key, { graceMs: 0 })
    expect(await gateway.held()).toEqual([])
    expect(await gateway.named('corral-holder')).toEqual([])
  })
})

describe('a keeper that is killed', () => {
  test('and is stopped instead, does not hold the closing of all up', async ({ pen }) => {
    const gateway = await startGateway(pen)
    await gateway.spawn(family, 'ready')
    process.kill(await gateway.keeper(), 'SIGSTOP')
    const began = performance.now() // timer: how long it takes is the promise
    await gateway.ask('end')
    expect(performance.now() - began).toBeLessThan(10_000) // timer: the bound of any ending, as killTimeoutMs is by default
    expect(await pen.members()).toEqual([gateway.child.pid])
  })

  test('is replaced, and costs no session', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const before = await gateway.spawn(family, 'ready')
    const first = await gateway.keeper()
    process.kill(first, 'SIGKILL')
    await eventually('there is another', () => gateway.guardEvents.length === 2)
    expect(gateway.guardEvents).toEqual([
      { event: 'died', deaths: 1 },
      { event: 'restarted', deaths: 1 },
    ])
    expect(await gateway.ask('guard')).toEqual({ alive: true, deaths: 1 })
    expect(await gateway.keeper()).not.toBe(first)
    expect(await gateway.ask('members', before.key)).toHaveLength(FAMILY)
    const after = await gateway.spawn(family, 'ready')
    expect(await gateway.close(before.key, { graceMs: 0 })).toMatchObject({
      killed: { count: FAMILY },
      guardDeaths: 1,
    })
    expect(await gateway.close(after.key, { graceMs: 0 })).toMatchObject({
      killed: { count: FAMILY },
      guardDeaths: 0,
    })
    expect(await gateway.held()).toEqual([])
  })
})

/** What turns the threads of a process have: fields 41 and 19 of proc_pid_stat(5). */
async function turnsOf(pid: number | undefined): Promise<string[]> {
  const threads = (await readdir(`/proc/${pid}/task`)).map(Number)
  return threads.map((thread) => {
    const stat = statOf(thread) // the first is number 3
    return `${statusOf(thread, 'Name')}: policy ${stat[38]}, nice ${stat[16]}`
  })
}

/** Kills the one that could end what the other loses first. */
async function killBoth(gateway: Gateway, holder: number): Promise<void> {
  process.kill(await gateway.keeper(), 'SIGKILL')
  process.kill(holder, 'SIGKILL')
}

const childrenOf = (pid: number | undefined) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** The words by which a command is executed in a pid namespace that lasts as long as the test. */
async function pidNamespace(pen: Pen): Promise<string[]> {
  const words = ['--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', 'echo ready; exec sleep 1000']
  const first = pen.spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (!first.stdout) throw new Error('it has no stdout')
  await line(first.stdout, /^ready$/)
  return ['nsenter', '--target', `${childrenOf(first.pid)[0]}`, '--pid', '--mount']
}

/** A family in a session of the gateway's, with the processes that are new in the pen. */
async function newFamily(pen: Pen, gateway: Gateway) {
  const before = await pen.members()
  const session = await gateway.spawn(family, 'ready')
  const more = (await pen.members()).filter((pid) => !before.includes(pid))
  return { session, processes: await withoutWardens(more) }
}

describe('a keeper that is killed together with a holder', { repeats: ROUNDS - 1 }, () => {
  test('costs no other session, nor what the gateway started otherwise', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const beside = pen.spawn('sleep', ['1000'])
    const other = await gateway.spawn(family, 'ready')
    const session = await gateway.spawn(family, 'ready')
    await killBoth(gateway, holderOf(session))
    await gateway.closed(session.key)
    expect(await gateway.ask('members', other.key)).toHaveLength(FAMILY)
    await gateway.ask('end')
    expect(await gateway.held()).toEqual([beside.pid])
  })

  test('leaves the threads of the gateway as they were', async ({ pen }) => {
    const gateway = await startGateway(pen, {}, ['nice', '-n', '5'])
    const session = await gateway.spawn(family, 'ready')
    const before = await turnsOf(gateway.child.pid)
    const niceness = Math.min(getPriority() + 5, 19) // setpriority(2): 19 is the most
    expect(before).toContain(`corral-watcher: policy 0, nice ${niceness}`) // who will kill
    await killBoth(gateway, holderOf(session))
    await gateway.closed(session.key)
    expect((await turnsOf(gateway.child.pid)).filter((turn) => !before.includes(turn))).toEqual([])
  })

  // In a pid namespace of its own: any gateway of the same user would collect it
  test('and with the gateway, leaves what the next gateway collects, and nothing else of anybody', async ({
    pen,
    skip,
  }) => {
    skip(lacks('namespaces'), 'no pid namespace can be made')
    const inside = await pidNamespace(pen)
    const gateway = await startGateway(pen, {}, inside)
    const { session, processes } = await newFamily(pen, gateway)
    const [keepers, holders] = [await gateway.named('corral-keeper'), await gateway.named('corral-holder')]
    const beside = await startGateway(pen, {}, inside)
    const others = await newFamily(pen, beside)
    const alive = async (pids: number[]) => (await pen.members()).filter((pid) => pids.includes(pid)).length

    // Stopped first, so that none of them sees the end of another
    const itself = childrenOf(gateway.child.pid)
    for (const pid of [...itself, ...keepers]) process.kill(pid, 'SIGSTOP')
    for (const pid of [...holders, ...keepers, ...itself]) process.kill(pid, 'SIGKILL')
    await gateway.kill()
    const [command = '', ...words] = [...inside, process.execPath, CLI, ...SWEEP]
    const dry = pen.spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    const swept = { instance: `holder-${holderOf(session)}`, sessions: 1, processes: FAMILY }
    expect(JSON.parse(await output(dry.stdout))).toMatchObject({ collected: [swept], failed: [] })
    expect(await alive(processes)).toBe(FAMILY)
    const next = await startGateway(pen, {}, inside)
    expect(await alive(processes)).toBe(0)
    expect(await next.sweep()).toMatchObject({ collected: [], failed: [] })
    expect(await alive(others.processes)).toBe(FAMILY)
    await Promise.all([beside.leave(), next.leave()])
  })

  test('costs what the gateway had not asked for where no mark can be set, and both reports say so', async ({
    pen,
  }) => {
    const gateway = await startGateway(pen, {}, ['prlimit', '--locks=1000'])
    const session = await gateway.spawn(family, 'ready')
    const lost = expect.stringMatching(/reaper and the keeper.*both killed/)
    expect(session.receipt.notHeld).toEqual([lost, ...othersOf('subreaper')])
    await killBoth(gateway, holderOf(session))
    const report = await gateway.closed(session.key)
    expect(report).toMatchObject({ reason: 'holder-killed', signal: 'SIGKILL' })
    expect(report.notHeld).toEqual([expect.stringMatching(/both killed/)])
    await eventually('there is another keeper', () => gateway.guardEvents.length === 2) // and no part of its start
    const left = await gateway.held()
    expect(left).not.toContain(session.pid) // whom the gateway had asked for
    expect(left.length).toBe(FAMILY - 1)
    await pen.kill()
  })
})

// native/core/mark.h: what a session inside six others bears, then inside seven
test.for([
  { above: 2 ** 50, marked: true },
  { above: 2 ** 49, marked: false },
])(
  'below a gateway that bears the mark $above a session has one of its own: $marked',
  async ({ above, marked }, { pen }) => {
    const gateway = await startGateway(pen, {}, ['prlimit', `--locks=${above}`])
    const session = await gateway.spawn({ command: 'sleep', args: ['1000'] })
    const limits = await readFile(`/proc/${session.pid}/limits`, 'utf8')
    const [, soft, hard] = /^Max file locks +(\S+) +(\S+)/m.exec(limits) ?? []
    expect(soft).toBe(hard)
    expect(Number(hard) < above).toBe(marked)
    expect((session.receipt.notHeld?.length ?? 0) === othersOf('subreaper').length).toBe(marked)
    await gateway.ask('end')
  },
)

test('a gateway that is stopped is not dead', async ({ pen }) => {
  const gateway = await startGateway(pen)
  const session = await gateway.spawn(family, 'ready')
  gateway.child.kill('SIGSTOP')
  const again = await startGateway(pen) // takes its time: longer than an end would
  gateway.child.kill('SIGCONT')
  expect(await gateway.ask('members', session.key)).toHaveLength(FAMILY)
  await again.ask('end')
})

test('all that there was is gone when the instance is closed', async ({ pen }) => {
  const gateway = await startGateway(pen)
  await gateway.spawn(family, 'ready')
  await gateway.ask('end')
  expect(await pen.members()).toEqual([gateway.child.pid])
})
