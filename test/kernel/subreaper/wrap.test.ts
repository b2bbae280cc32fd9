// A command that somebody else starts in a session without cgroups: who ends it when one of those is killed or stopped that hold
// it, and what its starter sees of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { describe, expect, onTestFinished } from 'vitest'
import { eventually } from '../../support/eventually.js'
import type { Gateway, Wrapped } from '../../support/gateway.js'
import { line } from '../../support/line.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { statOf } from '../warden/warden.js'
import { expectMembers, startGateway } from './gateway.js'

// A daemon, a child, and a leader: none of them ends by itself or on SIGTERM
const FAMILY = ['sh', '-c', 'trap "" TERM; sleep 1000 & (setsid sleep 1000 &); sleep 1000 & echo ready; wait']

/** Starts a wrapped command as anybody would, in the pen; resolves once it has said that it is ready. */
async function start(pen: Pen, { command, args }: Wrapped) {
  const child = pen.spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (!child.stdout) throw new Error('no stdout')
  const exited = once(child, 'exit')
  await line(child.stdout, /^ready$/)
  return { child, exited, pid: child.pid ?? 0 }
}

const parentOf = (pid: number) => Number(statOf(pid)[1])
const holderOf = ({ receipt }: Wrapped) => Number(receipt.path.split('/').at(-1))

/** The holder of the command that came in: the one that is not the session's own. */
async function ownHolder(gateway: Gateway, wrapped: Wrapped): Promise<number> {
  return eventually('its holder is there', async () => {
    const [found, ...others] = (await gateway.named('corral-holder')).filter(
      (pid) => pid !== holderOf(wrapped),
    )
    return others.length === 0 && found
  })
}

describe('a command that others started', () => {
  test('is ended with its session, and its starter sees how', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const wrapped = await gateway.wrap(FAMILY)
    const { exited } = await start(pen, wrapped)
    await expectMembers(gateway, wrapped.key, 4)
    const report = await gateway.close(wrapped.key, { graceMs: 0 })
    expect(report).toMatchObject({ reason: 'closed', killed: { count: 4 } })
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await gateway.held()).toEqual([])
  })

  test('and whose own holder is killed, ends; its keeper ends the rest', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const wrapped = await gateway.wrap(FAMILY)
    const { exited } = await start(pen, wrapped)
    process.kill(await ownHolder(gateway, wrapped), 'SIGKILL')
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await gateway.closed(wrapped.key)).toMatchObject({ reason: 'oneshot-complete' })
    expect(await gateway.held()).toEqual([])
  })

  test('is ended when the holder of its session is killed', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const wrapped = await gateway.wrap(FAMILY)
    const { exited } = await start(pen, wrapped)
    process.kill(holderOf(wrapped), 'SIGKILL')
    expect(await gateway.closed(wrapped.key)).toMatchObject({ reason: 'holder-killed' })
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await gateway.held()).toEqual([])
  })

  test('is ended when the process that stands for it is stopped', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const wrapped = await gateway.wrap(FAMILY)
    const { child, exited, pid } = await start(pen, wrapped)
    child.kill('SIGSTOP')
    await eventually('it is stopped', () => statOf(pid)[0] === 'T')
    await gateway.close(wrapped.key, { graceMs: 0 })
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await gateway.held()).toEqual([])
  })

  test('is ended also when its keeper was killed before', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const wrapped = await gateway.wrap(FAMILY)
    const { child, exited } = await start(pen, wrapped)
    process.kill(parentOf(await ownHolder(gateway, wrapped)), 'SIGKILL')
    child.kill('SIGKILL')
    await exited
    await gateway.closed(wrapped.key)
    expect(await gateway.held()).toEqual([])
  })

  test('leaves what it left to a session that is persistent', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const wrapped = await gateway.wrap(['sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 & echo ready'], {
      mode: 'persistent',
    })
    const { exited } = await start(pen, wrapped)
    expect(await exited).toEqual([0, null])
    const again = await start(pen, wrapped)
    expect(await again.exited).toEqual([0, null])
    await expectMembers(gateway, wrapped.key, 2)
    expect(await gateway.close(wrapped.key, { graceMs: 0 })).toMatchObject({ killed: { count: 2 } })
    expect(await gateway.held()).toEqual([])
  })

  test('is ended when it uses more memory than its session may', async ({ pen }) => {
    const gateway = await startGateway(pen, { enforcement: 'best-effort' })
    const script = "echo ready; head -c 300M /dev/zero | tail; echo 'never here'"
    const wrapped = await gateway.wrap(['sh', '-c', script], { limits: { memoryMax: '100M' } })
    const { exited } = await start(pen, wrapped)
    expect(await gateway.closed(wrapped.key)).toMatchObject({ reason: 'memory-limit' })
    expect(await exited).toEqual([null, 'SIGKILL'])
  })

  test.for([
    ['SIGTERM', 'TERM'],
    ['SIGHUP', 'HUP'],
    ['SIGUSR1', 'USR1'],
  ] as const)('gets a %s, and may live on', async ([signal, name], { pen }) => {
    const gateway = await startGateway(pen)
    const script = `trap 'echo heard' ${name}; echo ready; while :; do sleep 0.01; done`
    const wrapped = await gateway.wrap(['sh', '-c', script])
    const { child } = await start(pen, wrapped)
    if (!child.stdout) throw new Error('no stdout')
    const heard = line(child.stdout, /^heard$/)
    child.kill(signal)
    await heard
    expect(await gateway.ask('state', wrapped.key)).toBe('running')
    expect(await gateway.close(wrapped.key, { graceMs: 0 })).toMatchObject({ reason: 'closed' })
  })

  test.for(['SIGTERM', 'SIGINT', 'SIGSEGV', 'SIGKILL'] as const)(
    'that a %s ends is seen to end so',
    async (signal, { pen }) => {
      const gateway = await startGateway(pen)
      const wrapped = await gateway.wrap(['sh', '-c', `echo ready; kill -${signal.slice(3)} $$`])
      const { exited } = await start(pen, wrapped)
      expect(await exited).toEqual([null, signal])
    },
  )

  test('has the terminal that it is started in, and jobs in it', async ({ pen }) => {
    const gateway = await startGateway(pen)
    const { command, args } = await gateway.wrap(['bash', '--norc', '--noprofile', '--noediting', '-i'])
    const inTerminal = [
      '--quiet',
      '--flush',
      '--return',
      '--command',
      [command, ...args].join(' '),
      '/dev/null',
    ]
    const child = pen.spawn('script', inTerminal, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, SHELL: '/bin/sh', PS1: '> ', HISTFILE: '' },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let screen = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      screen += chunk.toString()
    })
    const shows = (pattern: RegExp) =>
      eventually(`${pattern} is on the screen`, () => pattern.test(screen), { instead: () => screen })
    await shows(/> $/)
    child.stdin?.write('sleep 1000\n')
    await eventually('it sleeps', async () => (await names(pen)).includes('sleep'))
    child.stdin?.write('\x1a')
    await shows(/Stopped/)
    child.stdin?.write('kill %1; test -t 0 && exit 3; exit 3\n')
    expect(await once(child, 'exit')).toEqual([3, null])
    expect(screen).not.toMatch(/no job control/)
  })
})

const names = async (pen: Pen) =>
  Promise.all(
    (await pen.members()).map((pid) =>
      readFile(`/proc/${pid}/comm`, 'utf8').then(
        (name) => name.trim(),
        () => '',
      ),
    ),
  )

describe('the door of a session', () => {
  test('is open to nobody but its user', async ({ pen, skip }) => {
    skip(process.getuid?.() !== 0, 'only root can become another user')
    const gateway = await startGateway(pen)
    const { command, args } = await gateway.wrap(FAMILY)
    const child = spawn(command, args, { uid: 65534, gid: 65534, stdio: ['ignore', 'pipe', 'pipe'] })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString()
    })
    expect(await once(child, 'close')).toEqual([1, null])
    expect(complaint).toMatch(
      /^corral: the session at corral-door-\S+ cannot be entered: Operation not permitted\n$/,
    )
  })
})
