// `corral ps`, `inspect`, `exec`, `wait` and `kill --instance` of a session that others started: whatever holds it, for root and for
// an ordinary user; and that a user who is neither its own nor root can do nothing of that.
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import { openCorral } from '../../src/index.js'
import type { ProcessView } from '../../src/observe/processes.js'
import { eventually } from '../support/eventually.js'
import { line } from '../support/line.js'
import { isRoot, ONLY_ROOT, OTHER_UID } from '../support/other-user.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { CLI, refused, targetOf } from './command-line.js'

type Mechanism = 'cgroup' | 'subreaper'

const OWN_UID = process.getuid?.() ?? 0
const ENTER = 'echo 0 >"$0/cgroup.procs" && exec "$@"'
const SCRIPT = 'sleep 1000 & echo ready; exec cat'

/** A root in the pen that is delegated to that user, with a cgroup from which it can go to all that is below. */
function delegated(pen: Pen, uid: number): { root: string; callers: string } {
  const [root, callers] = [`${pen.path}/root`, `${pen.path}/root/callers`]
  for (const directory of [dirname(pen.path), pen.path]) chmodSync(directory, 0o711)
  for (const directory of [root, callers]) {
    mkdirSync(directory)
    chownSync(directory, uid, uid)
    for (const file of ['procs', 'threads', 'subtree_control'])
      chownSync(`${directory}/cgroup.${file}`, uid, uid)
  }
  return { root, callers }
}

type Start = (command: string, args: readonly string[]) => ChildProcessWithoutNullStreams

class Caller {
  readonly #start: Start
  readonly #uid: number

  constructor(start: Start, uid: number) {
    this.#start = start
    this.#uid = uid
  }

  /** The process is the command line's own from its first instruction on. */
  start(...words: string[]) {
    const become =
      this.#uid === OWN_UID
        ? []
        : ['setpriv', '--reuid', `${this.#uid}`, '--regid', `${this.#uid}`, '--clear-groups', '--']
    const [command = '', ...args] = [...become, process.execPath, CLI, ...words]
    const child = this.#start(command, args)
    child.stdin.on('error', () => undefined) // it may have ended without reading
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }

  async run(...words: string[]) {
    const child = this.start(...words)
    child.stdin.end('given\n')
    return outcomeOf(child)
  }

  as(uid: number): Caller {
    return new Caller(this.#start, uid)
  }
}

async function outcomeOf(child: ChildProcessWithoutNullStreams) {
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  return { status, signal, stdout, stderr }
}

function inCgroups(pen: Pen, uid: number): { start: Start; where: string[] } {
  const { root, callers } = delegated(pen, uid)
  const start: Start = (command, args) =>
    spawn('/bin/sh', ['-c', ENTER, callers, command, ...args], { cwd: '/' })
  return { start, where: ['--root', root] }
}

function withoutCgroups(pen: Pen): { start: Start; where: string[] } {
  const start: Start = (command, args) =>
    pen.spawn(command, args, { cwd: '/' }) as ChildProcessWithoutNullStreams
  return { start, where: ['--backend', 'subreaper'] }
}

/** A session of that user's, which runs SCRIPT, and the words that name it. */
async function begin(pen: Pen, mechanism: Mechanism, uid: number) {
  const { start, where } = mechanism === 'cgroup' ? inCgroups(pen, uid) : withoutCgroups(pen)
  const caller = new Caller(start, uid)
  const key = `people-${randomBytes(6).toString('hex')}`
  const run = caller.start('run', ...where, '--session', key, '--', 'sh', '-c', SCRIPT)
  await line(run.stdout, /^ready$/)
  return { caller, where, key, ended: once(run, 'exit') }
}

interface Second {
  caller: Caller
  where: string[]
  key: string
  second: string
  /** Of the gateway that it is of, which is then this process. */
  ledger: string | undefined
}

/** Another session, which was asked for by the first; gives what has it end by itself. */
async function beginSecond({ caller, where, key, second, ledger }: Second): Promise<() => Promise<unknown>> {
  const script = ['-c', 'read line; exit 7']
  if (ledger === undefined) {
    const run = caller.start('run', ...where, '--session', second, '--parent', key, '--', 'sh', ...script)
    return async () => run.stdin.end()
  }
  const place = where[1] === 'subreaper' ? { backend: 'subreaper' as const } : { root: where[1] ?? '' }
  const gateway = await openCorral({ ...place, ledger })
  onTestFinished(async () => void (await gateway.close({ graceMs: 0 })))
  const session = await gateway.spawn({ key: second, parentKey: key, command: 'sh', args: script })
  return async () => {
    session.process.stdin?.end()
    await session.closed
  }
}

interface Told {
  event: string
  key: string
}

/** What is printed, a line of JSON each, as it comes. */
function eventsOf(stdout: Readable): Told[] {
  const told: Told[] = []
  createInterface(stdout).on('line', (text) => told.push(JSON.parse(text)))
  return told
}

/** Whether a process holds what it waits for: the group's events, or a pidfd. */
function waits({ pid = 0 }: ChildProcess): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) =>
    /cgroup\.events$|\[pidfd\]$/.test(targetOf(`/proc/${pid}/fd/${fd}`)),
  )
}

const CASES = (['cgroup', 'subreaper'] as const).flatMap((mechanism) =>
  [OWN_UID, ...(isRoot ? [OTHER_UID] : [])].map((uid) => ({ mechanism, uid })),
)

describe.for(CASES)('a session of $mechanism, of uid $uid,', ({ mechanism, uid }) => {
  test('is listed, inspected, joined, waited for and ended', async ({ pen }) => {
    const { caller, where, key, ended } = await begin(pen, mechanism, uid)
    const ps = async () => JSON.parse((await caller.run('ps', key, ...where, '--json')).stdout)[0]

    const [leader, child] = (await ps()).processes as ProcessView[]
    expect(leader).toMatchObject({ command: 'cat', uid, state: 'S', rssBytes: expect.any(Number) })
    expect(child).toMatchObject({ command: 'sleep 1000', ppid: leader?.pid })
    const { stdout } = await caller.run('ps', ...where, key)
    expect(stdout).toMatch(/^PID +PPID +USER +STATE +AGE +CPU +RSS +COMMAND\n.* cat\n.* {3}sleep 1000\n$/)
    const some = await caller.run('ps', '-q', ...where, 'nobody', key)
    expect(some).toMatchObject({ status: 1, stdout: `${leader?.pid}\n${child?.pid}\n` })
    expect(some.stderr).toMatch(/^corral: nobody: no such session/)
    const template = ['--format', '{{.pid}}\\t{{.command}}']
    expect((await caller.run('ps', key, ...where, ...template)).stdout).toBe(
      `${leader?.pid}\tcat\n${child?.pid}\tsleep 1000\n`,
    )

    const inspected = await caller.run('inspect', key, ...where)
    const [{ instance }] = JSON.parse(inspected.stdout)
    expect(JSON.parse(inspected.stdout)).toMatchObject([
      { key, group: { processes: 2 }, processes: [{ pid: leader?.pid }, { pid: child?.pid }] },
    ])
    expect(instance).toMatchObject({ backend: mechanism, alive: true })

    const joined = await caller.run('exec', key, ...where, '--', 'sh', '-c', 'cat; exit 7')
    expect(joined).toEqual({ status: 7, signal: null, stdout: 'given\n', stderr: '' })
    const killed = await caller.run('exec', key, ...where, '--', 'sh', '-c', 'kill -TERM $$')
    expect(killed).toMatchObject({ status: null, signal: 'SIGTERM' })
    const script = 'trap "exit 9" USR1; echo in; while :; do sleep 0.1; done'
    const [first, second] = [script, script].map((one) =>
      caller.start('exec', key, ...where, '--', 'sh', '-c', one),
    ) as [ChildProcessWithoutNullStreams, ChildProcessWithoutNullStreams]
    for (const { stdout } of [first, second]) await line(stdout, /^in$/)
    expect((await ps()).processes.length).toBeGreaterThanOrEqual(4)
    first.kill('SIGUSR1')
    expect(await once(first, 'exit')).toEqual([9, null])

    const waiting = caller.start('wait', key, ...where)
    const waited = outcomeOf(waiting)
    await eventually('it waits', () => waits(waiting))
    const other = await caller.run('kill', key, ...where, '--instance', 'i0123456789')
    expect(other).toMatchObject({ status: 1, stdout: '' })
    expect(other.stderr).toContain(`${key}: no such session`)
    expect(waiting.exitCode).toBe(null)
    const last = await caller.run('kill', key, ...where, '--instance', instance.instance)
    expect(last).toMatchObject({ status: 0, stderr: '' })
    expect(await waited).toEqual({
      ...{ status: 0, signal: null, stderr: '' },
      stdout: `${key}: over (reason unknown, status unknown)\n`,
    })
    expect(await ended).toEqual([null, 'SIGKILL'])
    if (second.exitCode === null && second.signalCode === null) await once(second, 'exit')
    expect(second.signalCode).toBe('SIGKILL')
    expect(await caller.run('wait', key, ...where)).toMatchObject({ status: 1, stdout: '' })
  })

  test('is told of as it lives, starts and ends, with its ending where a ledger has it', async ({ pen }) => {
    const ledger = join(mkdtempSync(join(tmpdir(), 'corral-people-')), 'ledger')
    onTestFinished(() => rmSync(dirname(ledger), { recursive: true }))
    chownSync(dirname(ledger), uid, uid)
    const { caller, where, key, ended } = await begin(pen, mechanism, uid)
    const [known, unknown] = [['--ledger', ledger], []].map((words) =>
      caller.start('events', ...where, ...words),
    ) as [ChildProcessWithoutNullStreams, ChildProcessWithoutNullStreams]
    const told = [known, unknown].map(({ stdout }) => eventsOf(stdout))
    const isTold = (event: string, of: string) =>
      eventually(`${event} of ${of} is told`, () =>
        told.every((events) => events.some((one) => one.event === event && one.key === of)),
      )
    await isTold('live', key)
    const second = `${key}-2`
    const finish = await beginSecond({
      caller,
      where,
      key,
      second,
      ledger: uid === OWN_UID ? ledger : undefined,
    })
    await isTold('start', second)
    await finish()
    await isTold('end', second)
    await caller.run('kill', key, ...where)
    await ended
    await isTold('end', key)
    const endOf = (events: Told[] = [], of: string) =>
      events.find((one) => one.event === 'end' && one.key === of)
    const ending = uid === OWN_UID ? { exitCode: 7, reason: 'oneshot-complete' } : { reason: null }
    expect(endOf(told[0], second)).toMatchObject({ v: 1, parent: key, ...ending })
    expect(endOf(told[1], second)).toMatchObject({ v: 1, exitCode: null, signal: null, reason: null })
    for (const child of [known, unknown]) child.kill('SIGTERM')
    for (const child of [known, unknown])
      if (child.exitCode === null) expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe.skipIf(!isRoot).for(['cgroup', 'subreaper'] as const)(
  `a session of %s (${ONLY_ROOT})`,
  (mechanism) => {
    const COMMANDS = [
      (key: string) => ['ps', key],
      (key: string) => ['inspect', key],
      (key: string) => ['wait', key],
      (key: string) => ['exec', key, '--', 'true'],
      (key: string) => ['kill', key],
    ]

    test('is nothing to another user, who is told so', async ({ pen }) => {
      const { caller, where, key } = await begin(pen, mechanism, OWN_UID)
      const other = caller.as(OTHER_UID)
      const why =
        mechanism === 'cgroup'
          ? /^corral: .*: uid 1234 may not write in it: EACCES/
          : /^corral: \S+: no such session of this user \(\d+ sessions? here (is|are) another user's\)\n$/
      for (const words of COMMANDS.map((command) => command(key))) {
        const [name = '', ...rest] = words
        const { status, stdout, stderr } = await other.run(name, ...where, ...rest)
        expect({ name, status, stdout }).toEqual({
          name,
          status: 1,
          stdout: name === 'inspect' && mechanism === 'subreaper' ? '[]\n' : '',
        })
        expect(stderr).toMatch(why)
      }
      expect((await caller.run('ps', '-q', key, ...where)).stdout.split('\n')).toHaveLength(3)
    })

    test('of another user is root’s to see, to join and to end', async ({ pen }) => {
      const { caller, where, key, ended } = await begin(pen, mechanism, OTHER_UID)
      const root = caller.as(OWN_UID)
      expect((await root.run('ps', '-q', key, ...where)).stdout.split('\n')).toHaveLength(3)
      const joined = await root.run('exec', key, ...where, '--', 'sh', '-c', 'id -u; exit 7')
      expect(joined).toMatchObject({ status: 7, stdout: '0\n' })
      expect(await root.run('kill', key, ...where)).toMatchObject({
        status: 0,
        stdout: `${key}: gone (2 killed)\n`,
      })
      expect(await ended).toEqual([null, 'SIGKILL'])
    })
  },
)

describe('is a usage error:', () => {
  test.for([
    ['ps without a key', ['ps'], /missing required argument 'keys'/],
    ['exec without a command', ['exec', 'k'], /missing required argument 'command'/],
    ['an option of ours in a command', ['exec', 'k', 'ls', '--root', '/x'], /Put -- before the command/],
    ['a template without a name', ['ps', 'k', '--format', 'x'], /a template with \{\{\.name\}\}, got 'x'/],
    ['a template with a name that there is not', ['ps', 'k', '--format', '{{.x}}'], /there is no \.x/],
    ['kill --all of an instance', ['kill', '--all', '--instance', 'i0123456789'], /in more than one way/],
  ] as const)('%s', async ([, words, why]) => {
    const { status, stdout, stderr } = await refused(words)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(why)
  })
})
