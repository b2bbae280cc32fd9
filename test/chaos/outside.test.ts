// What moves itself out of its session, which a process of the gateway's own user may, or is moved by others: it does not
// outlive the session, or, within the instance, that. And what a session does to its labels, which decide nothing.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { nameOfKey } from '../../src/backend/cgroup/name.js'
import { openCorral, type Session } from '../../src/index.js'
import { loadNative } from '../../src/native/addon.js'
import { COMMAND_LABEL, KEY_LABEL, MODE_LABEL } from '../../src/native/language.js'
import { Observer } from '../../src/observe/observer.js'
import { CLI, corral as command } from '../cli/command-line.js'
import { members } from '../support/cgroup-tree.js'
import { eventually } from '../support/eventually.js'
import { Gateway } from '../support/gateway.js'
import { lacks } from '../support/lacks.js'
import { openInPen } from '../support/open-in-pen.js'
import { isRoot, ONLY_ROOT, OTHER_UID } from '../support/other-user.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

// Where controllers are on, no process can be in a group that has others below it (EBUSY)
const INNER = !lacks('memory') || !lacks('pids')
const PLACES = ['/warden', '/own', ...(INNER ? [] : ['', '/sessions'])]

const moverTo = (directory: string) => ({
  key: 'mover',
  command: 'sh',
  args: ['-c', 'mkdir -p "$0" && echo $$ >"$0/cgroup.procs" && echo moved && exec sleep 1000', directory],
})

const SWEEPS = {
  'a sweep': async (root: string) => void (await new Observer({ root }).sweep({ dryRun: false })),
  'the next gateway': async (root: string) => {
    const corral = await openCorral({ root })
    await corral.close()
  },
}

describe.for(PLACES)('a process that moved itself to <instance>%s', (place) => {
  const open = async (pen: Pen): Promise<Gateway> => {
    const gateway = await Gateway.open(pen, { root: pen.path })
    await gateway.spawn(moverTo(`${pen.path}/corral/${gateway.instance}${place}`), 'moved')
    return gateway
  }
  const nothingLeft = async (pen: Pen) =>
    (await pen.groups()).every((group) => !group.startsWith(`${pen.path}/corral`))

  test('is told of by corral ls, and ended by corral.close()', async ({ pen }) => {
    const gateway = await open(pen)
    const [instance] = await new Observer({ root: pen.path }).list()
    expect(instance?.outside).toBe(1)
    const { stdout } = await command(['ls', '--root', pen.path])
    expect(stdout).toMatch(/^ {2}\(in no session\) +1$/m)
    await gateway.ask('end')
    expect(await nothingLeft(pen)).toBe(true)
  })

  test('is ended when the gateway dies', async ({ pen }) => {
    const gateway = await open(pen)
    gateway.child.kill('SIGKILL')
    await eventually('nothing is left', () => nothingLeft(pen))
  })

  test.for(Object.entries(SWEEPS))('is ended by %s after gateway and guard', async ([, sweep], { pen }) => {
    const gateway = await open(pen)
    await gateway.killWithGuard(pen.path)
    await sweep(pen.path)
    expect(await nothingLeft(pen)).toBe(true)
  })
})

/** A cgroup of nobody's, where systemd-logind, tmux or a container runtime would put what is in a session. */
const elsewhere = (pen: Pen) => `${pen.path}/elsewhere`
const livingIn = (pen: Pen) => members(elsewhere(pen))

/** Of each program that a session can have: what moves, all of which says so. `then` is what the leader does after that. */
const MOVES = {
  'a child of its leader': (to: string, then: string) =>
    `sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >${to}/cgroup.procs; echo moved; ${then}`,
  'a daemon that ignores SIGTERM, and its child': (to: string, then: string) =>
    `setsid sh -c 'trap "" TERM; echo 0 >${to}/cgroup.procs; sleep 1000 & echo moved >&3; while :; do wait; done' 3>&1 >/dev/null 2>&1 </dev/null & read x; ${then}`,
}
type Move = (to: string, then: string) => string
const stays = 'exec sleep 1000'

interface Ended {
  gateway: Gateway
  key: string
}

const ENDINGS: Record<string, (pen: Pen, ended: Ended) => Promise<unknown>> = {
  'close at once': (_, { gateway, key }) => gateway.close(key, { graceMs: 0 }),
  'close with a grace time': (_, { gateway, key }) => gateway.close(key, { graceMs: 100 }),
  'reset of the parent': (_, { gateway }) => gateway.reset('main', { graceMs: 0 }),
  'corral kill': (pen, { key }) => command(['kill', '--root', pen.path, key]),
  'corral.close()': (_, { gateway }) => gateway.leave(),
  'SIGKILL to the gateway': (_, { gateway }) => gateway.kill(),
  'a sweep after gateway and guard': async (pen, { gateway }) => {
    await gateway.killWithGuard(pen.path)
    expect(await livingIn(pen)).not.toEqual([])
    await new Observer({ root: pen.path }).sweep({ dryRun: false })
  },
}

describe.for(Object.entries(MOVES))('%s that was moved out of the instance', ([, move]: [string, Move]) => {
  test.for(Object.entries(ENDINGS))('is ended by %s', async ([, end], { pen }) => {
    await mkdir(elsewhere(pen))
    const gateway = await Gateway.open(pen, { root: pen.path })
    await gateway.spawn({ key: 'main', command: 'cat' })
    const args = ['-c', move(elsewhere(pen), stays)]
    await gateway.spawn(
      { key: 'k', parentKey: 'main', command: 'sh', args, stdio: ['pipe', 'pipe', 'inherit'] },
      'moved',
    )
    expect(await livingIn(pen)).not.toEqual([])
    await end(pen, { gateway, key: 'k' })
    await eventually('nobody is left elsewhere', async () => (await livingIn(pen)).length === 0)
  })
})

// A child of the shell that says so, which has perhaps not become its program by then
const EXECED_OR_NOT = expect.stringMatching(/^(?:sh|sleep)$/)
// Root may raise a limit again, unless it has lost that
const UNMARKED = [
  'prlimit',
  '--locks=1000',
  ...(process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-sys_resource'] : []),
]
const heard = ({ process }: Session) => once(process.stdout as Readable, 'data')

describe('what was moved out of a session', () => {
  test('is told of in the report', async ({ pen }) => {
    await mkdir(elsewhere(pen))
    const corral = await openInPen(pen)
    const script = MOVES['a child of its leader'](elsewhere(pen), stays)
    const session = await corral.spawn({ command: 'sh', args: ['-c', script], mode: 'persistent' })
    await heard(session)
    const [pid] = await livingIn(pen)
    const { moved, killed } = await session.close({ graceMs: 0 })
    expect(moved).toEqual([{ pid, name: EXECED_OR_NOT, cgroup: expect.stringMatching(/\/elsewhere$/) }])
    expect(killed).toEqual({ count: 2, names: [EXECED_OR_NOT, EXECED_OR_NOT] })
    expect(await livingIn(pen)).toEqual([])
  })

  test('is ended though it has lost its mark, where it is the leader or below that', async ({ pen }) => {
    await mkdir(elsewhere(pen))
    const corral = await openInPen(pen)
    const unmark = 'prlimit --locks=0:0 --pid $$'
    const script = `${unmark} && echo 0 >${elsewhere(pen)}/cgroup.procs && { sleep 1000 & } && echo moved && wait`
    const session = await corral.spawn({ command: 'sh', args: ['-c', script], mode: 'persistent' })
    await heard(session)
    expect(await livingIn(pen)).toHaveLength(2)
    expect((await session.close({ graceMs: 0 })).killed.count).toBe(2)
    expect(await livingIn(pen)).toEqual([])
  })

  test('has what is left of the grace time', async ({ pen }) => {
    await mkdir(elsewhere(pen))
    const corral = await openInPen(pen)
    const polite = `trap 'exit 0' TERM; echo 0 >${elsewhere(pen)}/cgroup.procs; echo moved; while :; do sleep 1; done`
    const session = await corral.spawn({ command: 'sh', args: ['-c', polite], mode: 'persistent' })
    await heard(session)
    const { killed, exitCode, moved } = await session.close({ graceMs: 60_000 })
    expect({ killed: killed.count, exitCode }).toEqual({ killed: 0, exitCode: 0 })
    expect(moved).toContainEqual(expect.objectContaining({ name: 'sh' }))
  })

  test('is ended by corral run, which says so', async ({ pen }) => {
    await mkdir(elsewhere(pen))
    const script = MOVES['a child of its leader'](elsewhere(pen), 'exit 3')
    const { status, stderr } = await command(['run', '--root', pen.path, '--', 'sh', '-c', script])
    expect(status).toBe(3)
    expect(stderr).toMatch(
      /^corral: \d+ (?:sh|sleep) had been moved out of the session, to \/.*\/elsewhere, and was ended there\n$/,
    )
    expect(await livingIn(pen)).toEqual([])
  })

  test('is not found where no mark can be set, and the receipt says so', async ({ pen }) => {
    await mkdir(elsewhere(pen))
    const gateway = await Gateway.open(pen, { root: pen.path }, { by: UNMARKED })
    const args = ['-c', MOVES['a child of its leader'](elsewhere(pen), stays)]
    const { key, receipt } = await gateway.spawn({ command: 'sh', args }, 'moved')
    expect(receipt.notHeld).toContainEqual(expect.stringMatching(/RLIMIT_LOCKS is limited/))
    expect((await gateway.close(key, { graceMs: 0 })).moved).toBeUndefined()
    expect(await livingIn(pen)).toHaveLength(1)
  })

  describe.skipIf(process.getuid?.() !== 0 || !existsSync('/proc/self/loginuid'))('with loginMark', () => {
    // As pam_limits does to what `su -` starts
    const script = (pen: Pen, then: string) =>
      `prlimit --locks=0:0 sleep 1000 & sleep 0.2; echo $! >${elsewhere(pen)}/cgroup.procs; echo moved; ${then}`

    test.for(Object.entries(ENDINGS))(
      'is ended by %s though its limits were reset',
      async ([, end], { pen }) => {
        await mkdir(elsewhere(pen))
        const gateway = await Gateway.open(pen, { root: pen.path, loginMark: true })
        await gateway.spawn({ key: 'main', command: 'cat' })
        await gateway.spawn(
          { key: 'k', parentKey: 'main', command: 'sh', args: ['-c', script(pen, stays)] },
          'moved',
        )
        expect(await livingIn(pen)).toHaveLength(1)
        await end(pen, { gateway, key: 'k' })
        await eventually('nobody is left elsewhere', async () => (await livingIn(pen)).length === 0)
      },
    )

    test.for(Object.entries(SWEEPS))(
      'is ended by %s of a process without that option, after gateway and guard',
      async ([, sweep], { pen }) => {
        await mkdir(elsewhere(pen))
        const gateway = await Gateway.open(pen, { root: pen.path, loginMark: true })
        await gateway.spawn({ command: 'sh', args: ['-c', script(pen, stays)] }, 'moved')
        await gateway.killWithGuard(pen.path)
        expect(await livingIn(pen)).toHaveLength(1)
        await sweep(pen.path)
        expect(await livingIn(pen)).toEqual([])
      },
    )

    test('is ended where it was wrapped', async ({ pen }) => {
      await mkdir(elsewhere(pen))
      const gateway = await Gateway.open(pen, { root: pen.path, loginMark: true })
      const { command, args, key } = await gateway.wrap(['sh', '-c', script(pen, stays)])
      const child = pen.spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout as Readable, 'data')
      expect(await livingIn(pen)).toHaveLength(1)
      await gateway.close(key, { graceMs: 0 })
      expect(await livingIn(pen)).toEqual([])
    })

    test('outlives its session without that option', async ({ pen }) => {
      await mkdir(elsewhere(pen))
      const gateway = await Gateway.open(pen, { root: pen.path })
      const { key } = await gateway.spawn({ command: 'sh', args: ['-c', script(pen, stays)] }, 'moved')
      await gateway.close(key, { graceMs: 0 })
      expect(await livingIn(pen)).toHaveLength(1)
    })
  })

  test('is left to the ending of another instance whose groups it lives in', async ({ pen }) => {
    await mkdir(elsewhere(pen))
    const corral = await openInPen(pen)
    const inner = `${elsewhere(pen)}/inner`
    const other = `exec ${process.execPath} ${CLI} run --root ${inner} -- sh -c 'echo moved; exec sleep 1000'`
    await mkdir(inner)
    const session = await corral.spawn({ command: 'sh', args: ['-c', other], mode: 'persistent' })
    await heard(session)
    expect((await session.close({ graceMs: 0 })).moved).toBeUndefined()
    expect(await livingIn(pen)).toEqual([])
    expect((await readdir(inner)).filter((name) => name === 'corral')).toEqual([])
  })
})

test('a hundred sessions that are closed at once look three times at most who was moved out of them', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const all = await Promise.all(
    Array.from({ length: 100 }, () => corral.spawn({ command: 'sleep', args: ['1000'] })),
  )
  const before = loadNative().passes()
  await Promise.all(all.map((session) => session.close()))
  const passes = loadNative().passes() - before
  expect(passes).toBeGreaterThan(0)
  expect(passes).toBeLessThanOrEqual(3)
})

describe('a session that empties its labels', () => {
  const LABELS = [MODE_LABEL, COMMAND_LABEL, KEY_LABEL]
  const LONG = 'k'.repeat(1000)

  test.for([
    ['by its key', 'k', 'k'],
    ["by its directory's name, where the key was in a label", LONG, nameOfKey(LONG)],
  ] as const)('is listed and ended from outside %s', async ([, key, name], { pen }) => {
    const corral = await openInPen(pen)
    const { receipt } = await corral.spawn({ key, command: 'cat', mode: 'persistent' })
    const family = dirname(receipt.path)
    for (const directory of [receipt.path, family])
      for (const label of LABELS) loadNative().setLabel(directory, label, '')
    const observer = new Observer({ root: pen.path })
    const [instance] = await observer.list()
    expect(instance?.sessions).toMatchObject([{ path: family, group: { processes: 1 } }])
    expect((await command(['ls', '--root', pen.path])).stdout).toContain(name)
    expect(await observer.kill({ keys: [name] }, 0)).toMatchObject([{ killed: 1 }])
    expect(await pen.members()).toEqual([])
  })
})

describe.skipIf(!isRoot)(`a session that gives its directories to another user (${ONLY_ROOT})`, () => {
  const ENDINGS: Record<string, (gateway: Gateway, root: string) => Promise<unknown>> = {
    'corral.close()': (gateway) => gateway.ask('end'),
    'corral kill': (_, root) => command(['kill', 'giver', '--root', root]),
    ...Object.fromEntries(
      Object.entries(SWEEPS).map(([what, sweep]) => [
        what,
        async (gateway: Gateway, root: string) => {
          await gateway.killWithGuard(root)
          await sweep(root)
        },
      ]),
    ),
  }

  test.for(Object.entries(ENDINGS))('is ended by %s', async ([, end], { pen }) => {
    const gateway = await Gateway.open(undefined, { root: pen.path })
    const script = `chown -R ${OTHER_UID} "$0" && echo given && exec sleep 1000`
    const family = `${pen.path}/corral/${gateway.instance}/sessions/${nameOfKey('giver')}`
    await gateway.spawn({ key: 'giver', command: 'sh', args: ['-c', script, family] }, 'given')
    await end(gateway, pen.path)
    expect(await pen.members()).toEqual([])
  })
})

// As the addon is loaded by itself: this process must do nothing else until it is done
const FORGER = `
  const native = require(process.argv[1])
  const group = process.argv[2]
  const nameOf = (pid) => native.readText('/proc/' + pid + '/comm').trim()
  for (;;) {
    const pids = native.members(group)
    if (pids.length === 0 || !pids.every((pid) => nameOf(pid) === 'sleep')) continue
    native.setLabel(group, 'user.corral.leader', String(pids[0]))
    break
  }`

describe('a oneshot session whose first ends before the event loop has heard of it is over', () => {
  test.for([
    ['and not when what its label names is', () => 'sleep 1000 </dev/null >/dev/null 2>&1 &'],
    [
      'and not when one older that it took in is',
      (group: string, older: number) => `echo ${older} >${group}/cgroup.procs`,
    ],
  ] as const)('%s', async ([, leave], { pen }) => {
    const corral = await openInPen(pen)
    const older = spawn('sleep', ['1000'], { stdio: 'ignore' })
    onTestFinished(() => void older.kill('SIGKILL'))
    const placed = await corral.wrap('true', [], { key: 'liar' })
    const group = placed.session.receipt.path
    const script = leave(group, older.pid ?? 0)
    const at = placed.args.lastIndexOf('true')
    spawn(placed.command, [...placed.args.slice(0, at), 'sh', '-c', script], { stdio: 'ignore' })
    const addon = fileURLToPath(new URL('../../build/Release/corral.node', import.meta.url))
    const { status } = spawnSync(process.execPath, ['-e', FORGER, addon, group], { stdio: 'inherit' })
    expect(status).toBe(0)
    expect(await placed.session.closed).toMatchObject({ reason: 'oneshot-complete', killed: { count: 1 } })
    expect(await pen.members()).toEqual([])
  })
})
