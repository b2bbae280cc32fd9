// `corral orphans` tells agents that nobody answers for from those that somebody does, and ends the ones that are named.
// Other agents may run on this machine, so each test looks for its own.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import type { EndedOrphan, Orphan } from '../../src/orphans/orphans.js'
import { eventually } from '../support/eventually.js'
import { line } from '../support/line.js'
import { openInPen } from '../support/open-in-pen.js'
import { output } from '../support/output.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { corral, orphan, refused, running } from './command-line.js'

/** The number where /etc/passwd has no name for this user. */
function ownName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.())
  }
}

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const AGENT = fixture('claude-agent-acp')
const stdio = ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit']

/** The pids of the agent that has said it is ready, and of its child. */
function pidsOf(ready: string): { agent: number; child: number } {
  const [, agent, child] = /^ready (\d+) (\d+)$/.exec(ready) ?? []
  return { agent: Number(agent), child: Number(child) }
}

/** Leaves an agent behind whose parent is gone; `by` is the script that becomes it. */
async function leave(pen: Pen, { by = 'exec "$@"', args = [] as string[] } = {}) {
  const script = 'by=$1; shift; setsid sh -c "$by" by "$@" &'
  const gateway = pen.spawn('/bin/sh', ['-c', script, 'gateway', by, AGENT, ...args], { stdio })
  const exited = once(gateway, 'exit')
  const ready = await line(gateway.stdout as NonNullable<typeof gateway.stdout>, /^ready /)
  await exited
  return pidsOf(ready)
}

async function listed(...args: string[]): Promise<Orphan[]> {
  const { status, stdout, stderr } = await corral(['orphans', '--json', ...args])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as Orphan[]
}

const only = (orphans: Orphan[], ...pids: number[]) => orphans.filter(({ pid }) => pids.includes(pid))

async function ending(...args: (string | number)[]) {
  const { status, stdout, stderr } = await corral(['orphans', '--json', ...args.map(String)])
  expect(stderr).toBe('')
  return { status, ended: JSON.parse(stdout) as EndedOrphan[] }
}

describe('corral orphans', () => {
  test('lists an agent whose parent is gone, with its child, and why', async ({ pen }) => {
    const { agent, child } = await leave(pen)
    const found = only(await listed(), agent, child)
    expect(found).toEqual([
      {
        id: expect.stringMatching(new RegExp(`^${agent}:\\d+$`)),
        pid: agent,
        ppid: expect.any(Number),
        parent: expect.stringMatching(/^\d+ \S/),
        ageMs: expect.any(Number),
        memoryBytes: expect.any(Number),
        memoryKind: 'pss',
        owner: ownName(),
        command: `/bin/sh ${AGENT}`,
        what: 'Claude Code behind ACP',
        orphan: true,
        why: expect.stringMatching(
          /^its command line names claude-agent-acp; its parent is gone \(now it is \d+, .*\); it is in no session$/,
        ),
      },
      expect.objectContaining({
        pid: child,
        ppid: agent,
        command: 'sleep 1000',
        what: 'started by an agent',
        why: expect.stringContaining(`it belongs to the orphan ${agent} sh /`), // a long path is cut
      }),
    ])
    for (const { ageMs, memoryBytes } of found) {
      expect(ageMs).toBeLessThan(600_000)
      expect(memoryBytes).toBeGreaterThan(10_000)
    }
    expect(await pen.members()).toHaveLength(2)
  })

  test('tells all ages by one look at the clock, and lists who was started together from the agent on', async ({
    pen,
  }) => {
    const many = 'for each in $(seq 50); do sleep 1000 & done; exec "$@"'
    const { agent } = await leave(pen, { by: many })
    // One that is being executed has no command line for a moment
    const found = await eventually('all 52 are listed', async () => {
      const some = only(await listed(), ...(await pen.members()))
      return some.length === 52 && some
    })
    const ticks = found.map(({ id }) => Number(id.split(':')[1]))
    expect(ticks).toEqual([...ticks].sort((a, b) => a - b))
    expect(new Set(found.map(({ ageMs }, at) => ageMs + (ticks[at] ?? 0) * 10)).size).toBe(1)
    expect(found[0]?.pid).toBe(agent)
  })

  test('prints a table with the reasons, and ends nothing', async ({ pen }) => {
    const { agent } = await leave(pen)
    const { status, stdout } = await corral(['orphans'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^PID +PARENT +AGE +MEMORY +OWNER +COMMAND$/m)
    expect(stdout).toMatch(new RegExp(`^${agent} .*claude-agent-acp\n {4}its command line names `, 'm'))
    expect(stdout).toContain('Nothing was ended.')
    expect(await pen.members()).toHaveLength(2)
  })

  test('says so where there is none', async () => {
    const { status, stdout } = await corral(['orphans', '--match', 'no-command-line-has-this-in-it$'])
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'no orphans\n' })
  })

  test('--match looks for other command lines', async ({ pen }) => {
    const { agent, child } = await leave(pen, { args: ['a-word-of-its-own'] })
    expect(only(await listed('--match', 'a-word-of-its-(?:own|self)'), agent)).toMatchObject([
      { what: 'a match of --match', why: expect.stringContaining('names a-word-of-its-own;') },
    ])
    expect(only(await listed('--match', 'another-word'), agent, child)).toEqual([])
  })

  test('does not take one for an orphan whose gateway lives, and says who that is', async ({ pen }) => {
    const gateway = pen.spawn('/bin/sh', ['-c', '"$@" & read -r line', 'gateway', AGENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const { agent } = pidsOf(await line(gateway.stdout as NonNullable<typeof gateway.stdout>, /^ready /))
    expect(only(await listed(), agent)).toEqual([])
    expect(only(await listed('--all'), agent)).toMatchObject([
      { orphan: false, why: expect.stringContaining(`leads to the living program ${gateway.pid} sh -c`) },
    ])
    const { ended, status } = await ending('--kill', agent)
    expect({ status, ended }).toMatchObject({
      status: 1,
      ended: [{ pid: agent, outcome: 'refused', why: expect.stringContaining('it is not an orphan: ') }],
    })
    expect(await pen.members()).toContain(agent)
  })

  test('does not take one for an orphan that was started from a shell somebody types in', async ({ pen }) => {
    const terminal = pen.spawn('script', ['-qfc', 'sh -i', '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    terminal.stdin?.write(`${AGENT} &\n`)
    const ready = await line(terminal.stdout as NonNullable<typeof terminal.stdout>, /ready \d+ \d+\r?$/)
    const { agent } = pidsOf(ready.slice(ready.indexOf('ready')).trimEnd())
    expect(only(await listed(), agent)).toEqual([])
    expect(only(await listed('--all'), agent)).toMatchObject([
      { orphan: false, why: expect.stringMatching(/leads to the living interactive shell \d+ sh -i/) },
    ])
  })

  test('does not take one for an orphan that systemd runs as a service', async ({ pen }) => {
    const { agent } = await leave(pen, { by: 'export SYSTEMD_EXEC_PID=$$; exec "$@"' })
    expect(only(await listed('--all'), agent)).toMatchObject([
      { orphan: false, why: expect.stringMatching(/systemd runs \d+ sh .* as a service/) },
    ])
  })

  test('never lists what a session holds, wherever its root is', async ({ pen }) => {
    const owner = await openInPen(pen)
    const session = await owner.spawn({
      command: 'sh',
      args: ['-c', 'setsid "$0" &', AGENT],
      mode: 'persistent',
    })
    const { agent, child } = pidsOf(
      await line(session.process.stdout as NonNullable<typeof session.process.stdout>, /^ready /),
    )
    await eventually('its parent is gone', () => !session.members().includes(session.process.pid ?? 0))
    expect(only(await listed('--all'), agent, child)).toEqual([])
    const { ended, status } = await ending('--kill', agent)
    expect({ status, ended }).toMatchObject({
      status: 1,
      ended: [{ outcome: 'refused', why: expect.stringContaining('is in a session') }],
    })
    expect(session.members()).toContain(agent)
  })

  test('leaves to `corral sweep` what a dead gateway’s session holds', async ({ pen }) => {
    await orphan(await running(pen, ['--session', 'left'], `echo ready; exec ${AGENT}`), pen)
    const [agent = 0] = await pen.members()
    expect(only(await listed('--root', pen.path, '--all'), agent)).toEqual([])
  })

  test('shows a user none of another’s', async ({ pen, skip }) => {
    skip(process.getuid?.() !== 0, 'only root can become another user')
    const { agent } = await leave(pen)
    const find = async (uid: number) => {
      const child = pen.spawn(process.execPath, [fixture('find-orphans-as.mjs'), String(uid)], { stdio })
      return JSON.parse(await output(child.stdout)) as number[]
    }
    expect(await find(0)).toContain(agent)
    expect(await find(65534)).not.toContain(agent)
  })
})

describe('corral orphans --kill', () => {
  test('ends those that are named, and no other', async ({ pen }) => {
    const [doomed, spared] = [await leave(pen), await leave(pen)]
    const { status, ended } = await ending('--kill', doomed.agent, doomed.child)
    expect({ status, ended }).toEqual({
      status: 0,
      ended: [
        { pid: doomed.agent, command: `/bin/sh ${AGENT}`, outcome: 'ended' },
        { pid: doomed.child, command: 'sleep 1000', outcome: 'ended' },
      ],
    })
    expect((await pen.members()).sort()).toEqual([spared.agent, spared.child].sort())
  })

  test('kills one that does not hear SIGTERM, when the grace time is over', async ({ pen }) => {
    const { agent, child } = await leave(pen, { args: ['deaf'] })
    const { status, stdout } = await corral(['orphans', '--grace', '100', '--kill', String(agent)])
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${agent} /bin/sh ${AGENT} deaf: killed\n` })
    expect(await pen.members()).toEqual([child])
  })

  test('ends one that is stopped', async ({ pen }) => {
    const { agent } = await leave(pen)
    process.kill(agent, 'SIGSTOP')
    expect(await ending('--kill', agent)).toMatchObject({ status: 0, ended: [{ outcome: 'ended' }] })
  })

  test('takes the id that the list tells, and refuses the pid of a later process', async ({ pen }) => {
    const { agent } = await leave(pen)
    const [{ id } = { id: '' }] = only(await listed(), agent)
    const [pid, start] = id.split(':')
    const { status, ended } = await ending('--kill', `${pid}:${Number(start) - 1}`)
    expect({ status, ended }).toMatchObject({
      status: 1,
      ended: [{ outcome: 'refused', why: expect.stringContaining('it is not the process that was listed') }],
    })
    expect(await pen.members()).toContain(agent)
    expect(await ending('--kill', id)).toMatchObject({ status: 0, ended: [{ pid: agent, outcome: 'ended' }] })
  })

  test('refuses one that has become another program, with its id', async ({ pen }) => {
    const { agent } = await leave(pen)
    const [{ id } = { id: '' }] = only(await listed(), agent)
    process.kill(agent, 'SIGUSR1')
    await eventually('it is a sleep', () => readFileSync(`/proc/${agent}/comm`, 'utf8') === 'sleep\n')
    const { status, ended } = await ending('--kill', id)
    expect({ status, ended }).toMatchObject({
      status: 1,
      ended: [{ outcome: 'refused', why: expect.stringContaining('does not look like an agent') }],
    })
    expect(await pen.members()).toContain(agent)
  })

  test('ends the others where one is refused, and says which', async ({ pen }) => {
    const { agent } = await leave(pen)
    const bystander = pen.spawn('sleep', ['1000'], { stdio: 'ignore' })
    await eventually('it sleeps', async () => (await pen.members()).includes(bystander.pid ?? 0))
    const { status, stdout } = await corral(['orphans', '--kill', String(bystander.pid), String(agent)])
    expect(status).toBe(1)
    expect(stdout).toMatch(new RegExp(`^${bystander.pid} sleep 1000: refused: .*\n${agent} .*: ended\n$`))
    expect(await pen.members()).toContain(bystander.pid)
  })

  test('refuses a pid that nobody has', async ({ pen }) => {
    const child = pen.spawn('true', [])
    await once(child, 'exit')
    expect(await ending('--kill', child.pid ?? 0)).toEqual({
      status: 1,
      ended: [{ pid: child.pid, outcome: 'refused', why: 'no such process' }],
    })
  })
})

describe('corral orphans ends with 2', () => {
  test.for([
    ['a pid that is none', ['--kill', 'claude-agent-acp'], /--kill: expected .*, got 'claude-agent-acp'/],
    ['a process group', ['--kill=-1'], /--kill: expected .*, got '-1'/],
    ['the pid 0', ['--kill', '0'], /--kill: expected .*, got '0'/],
    ['an expression that is none', ['--match', '('], /--match: expected a regular expression, got '\('/],
    ['a grace time that is none', ['--grace', 'x'], /Expected a number/],
    ['no pid', ['--kill'], /argument missing/],
  ] as const)('for %s', async ([, args, message]) => {
    const { status, stdout, stderr } = await refused(['orphans', ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})
