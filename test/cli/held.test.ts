// `corral ls`, `kill`, `set` and `sweep` of sessions without cgroups. Whatever else of this user is held so on this machine
// belongs to others: each test looks at its own instances.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import type { InstanceView } from '../../src/backend/outside.js'
import { type Corral, openCorral } from '../../src/index.js'
import { withoutWardens } from '../support/entered-pen.js'
import { eventually } from '../support/eventually.js'
import { lacks } from '../support/lacks.js'
import { line } from '../support/line.js'
import { openInPen } from '../support/open-in-pen.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { CLI, corral, LIVING } from './command-line.js'

const living = { command: 'cat', mode: 'persistent' } as const
const HELD = ['--backend', 'subreaper']
const KILLED = [null, 'SIGKILL']
const MIB = 2 ** 20

const ownKey = () => `held-${randomBytes(6).toString('hex')}`

async function open(): Promise<Corral> {
  const opened = await openCorral({ backend: 'subreaper', enforcement: 'best-effort' })
  onTestFinished(async () => {
    await opened.close({ graceMs: 0 })
  })
  return opened
}

/** `corral run` without cgroups, in the pen, once its script has said that it is ready. */
async function running(pen: Pen, options: string[], script = LIVING) {
  const words = [CLI, 'run', ...HELD, ...options, '--', 'sh', '-c', script]
  const child = pen.spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (!child.stdout) throw new Error('no stdout')
  const exited = once(child, 'exit')
  await line(child.stdout, /^ready$/)
  return { child, exited }
}

async function listed(...options: string[]): Promise<InstanceView[]> {
  const { status, stdout, stderr } = await corral(['ls', '--json', ...options])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return (JSON.parse(stdout) as { instances: InstanceView[] }).instances
}

const nobodyIn = (pen: Pen) => eventually('nobody is left', async () => (await pen.members()).length === 0)

describe('corral ls', () => {
  test('shows the session of a corral run, as long as it is there', async ({ pen }) => {
    const key = ownKey()
    const { child, exited } = await running(pen, ['--session', key, '--parent', 'host'])
    const own = (instances: InstanceView[]) => instances.filter(({ pid }) => pid === child.pid)
    const [instance] = own(await listed(...HELD))
    expect(instance).toEqual({
      backend: 'subreaper',
      instance: expect.stringMatching(/^s[0-9a-f]{10}$/),
      path: `/proc/${child.pid}`,
      alive: true,
      pid: child.pid,
      command: `corral run -- sh -c ${LIVING}`,
      sessions: [
        {
          key: 'host',
          path: `/proc/${child.pid}`,
          children: [
            {
              key,
              path: expect.stringMatching(/^\/proc\/\d+$/),
              children: [],
              group: {
                path: expect.stringMatching(/^\/proc\/\d+$/),
                mode: 'oneshot',
                command: `sh -c ${LIVING}`,
                startedAt: expect.any(Number),
                processes: 1,
                usage: {
                  pids: 1,
                  memoryBytes: expect.any(Number),
                  cpuUserMs: expect.any(Number),
                  cpuSystemMs: expect.any(Number),
                },
              },
            },
          ],
        },
      ],
    })
    child.stdin?.end()
    expect(await exited).toEqual([0, null])
    expect(own(await listed(...HELD))).toEqual([])
  })

  test('shows those of a gateway, with their caps, beside those in cgroups', async ({ pen }) => {
    const [held, inCgroup] = [await open(), await openInPen(pen)]
    await held.spawn({ ...living, key: 'mother', limits: { memoryMax: '512M' } })
    const child = await held.wrap('sh', ['-c', 'echo ready; exec sleep 1000'], {
      key: 'child',
      parentKey: 'mother',
    })
    // Not in the pen, which is a root here, and has controllers to give
    const started = spawn(child.command, child.args, { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void started.kill('SIGKILL'))
    await line(started.stdout, /^ready$/)
    await eventually('it has come in', () => child.session.members().length === 1)
    await inCgroup.spawn({ ...living, key: 'mother' })
    const all = await listed()
    expect(all.find(({ instance }) => instance === held.id)).toMatchObject({
      backend: 'subreaper',
      pid: process.pid,
      sessions: [
        {
          key: 'mother',
          group: { processes: 1, usage: { memoryMaxBytes: 512 * MIB } },
          children: [{ key: 'child', group: { processes: 1, command: 'sh -c echo ready; exec sleep 1000' } }],
        },
      ],
    })
    const { stdout } = await corral(['ls', ...HELD])
    expect(stdout).toMatch(
      new RegExp(
        `^${held.id} \\(pid ${process.pid} .*\\n {2}mother +persistent .* 512M .*\\n {4}child +oneshot `,
        'm',
      ),
    )
    expect((await listed('--root', pen.path)).map(({ instance }) => instance)).toEqual([inCgroup.id])
    expect((await listed('--backend', 'cgroup')).map(({ instance }) => instance)).not.toContain(held.id)
  })

  test('shows a cap that was changed', async () => {
    const held = await open()
    const session = await held.spawn({ ...living, key: 'k', limits: { memoryMax: '512M' } })
    const cap = async () =>
      (await listed(...HELD)).find(({ instance }) => instance === held.id)?.sessions[0]?.group?.usage
        .memoryMaxBytes
    session.setLimits({ memoryMax: '256M' })
    expect(await cap()).toBe(256 * MIB)
    session.setLimits({ memoryMax: null })
    expect(await cap()).toBeUndefined()
  })
})

describe('corral kill', () => {
  test('KEY ends that session of a corral run, which ends too', async ({ pen }) => {
    const [doomed, spared] = [ownKey(), ownKey()]
    const one = await running(pen, ['--session', doomed], `setsid sleep 1000 & ${LIVING}`)
    const other = await running(pen, ['--session', spared])
    const { status, stdout } = await corral(['kill', ...HELD, doomed])
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${doomed}: gone (2 killed)\n` })
    expect(await one.exited).toEqual(KILLED)
    expect(await withoutWardens(await pen.members())).toHaveLength(1)
    other.child.stdin?.end()
    expect(await other.exited).toEqual([0, null])
    await nobodyIn(pen)
    expect(await corral(['kill', ...HELD, doomed])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`${doomed}: no such session`),
    })
  })

  test('--grace lets the session end by itself', async ({ pen }) => {
    const key = ownKey()
    const script = `trap 'exit 7' TERM; echo ready; while :; do read -r line; done`
    const { exited } = await running(pen, ['--session', key], script)
    const { stdout } = await corral(['kill', ...HELD, '--grace', '1000000', key])
    expect(stdout).toBe(`${key}: gone (0 killed)\n`)
    expect(await exited).toEqual([7, null])
  })

  test('--parent and --instance end those, without saying how they are held, and their owner hears why', async ({
    pen,
  }) => {
    const held = await open()
    const parentKey = ownKey()
    const mother = await held.spawn({ ...living, key: parentKey })
    const child = await held.spawn({ ...living, key: 'child', parentKey })
    const left = await held.spawn({
      command: 'sh',
      args: ['-c', 'sleep 1000 & :'],
      stdio: 'ignore',
      mode: 'persistent',
      key: 'left',
      parentKey: 'child',
    })
    const run = await running(pen, ['--parent', parentKey])
    const byParent = await corral(['kill', '--json', '--parent', parentKey])
    expect(byParent.status).toBe(0)
    const killed = JSON.parse(byParent.stdout) as { key: string; instance: string; killed: number }[]
    expect(killed.map((one) => one.killed)).toEqual([1, 1, 1])
    expect(
      killed
        .filter(({ instance }) => instance === held.id)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['child', 'left'])
    for (const session of [child, left])
      expect(await session.closed).toMatchObject({ reason: 'corral-kill', killed: { count: 1 } })
    expect(await run.exited).toEqual(KILLED)
    expect(mother.state).toBe('running')
    expect((await corral(['kill', '--instance', held.id])).stdout).toBe(`${parentKey}: gone (1 killed)\n`)
    expect(await mother.closed).toMatchObject({ reason: 'corral-kill', signal: 'SIGKILL' })
    await held.spawn({ ...living, key: parentKey }) // the key is free again
  })

  test('of a session whose holder is stopped ends it', async () => {
    const held = await open()
    const session = await held.spawn({ ...living, key: ownKey() })
    process.kill(Number(session.receipt.path.split('/').at(-1)), 'SIGSTOP')
    const { status } = await corral(['kill', ...HELD, session.key])
    expect(status).toBe(0)
    expect(await session.closed).toMatchObject({ reason: 'corral-kill' })
  })

  test('--all ends all there are', async ({ pen, skip }) => {
    skip(lacks('namespaces'), 'no network namespace can be made, for all there are to be its own')
    const script = `
      for key in a b; do
        "$0" "$1" run --backend subreaper --session $key -- sleep 1000 & eval "$key=$!"
      done
      until [ "$("$0" "$1" ls --backend subreaper | grep -c sleep)" -ge 2 ]; do :; done
      "$0" "$1" kill --backend subreaper --all | sort
      wait $a; echo $?; wait $b; echo $?`
    const child = pen.spawn('unshare', ['--net', 'sh', '-c', script, process.execPath, CLI], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    if (!child.stdout) throw new Error('no stdout')
    expect(await text(child.stdout)).toBe('a: gone (1 killed)\nb: gone (1 killed)\n137\n137\n')
    await nobodyIn(pen)
  })
})

describe('corral', () => {
  test('set is refused, and says who can', async () => {
    const held = await open()
    const { key } = await held.spawn({ ...living, key: ownKey() })
    const { status, stderr } = await corral(['set', key, '--memory-max', '1G'])
    expect(status).toBe(1)
    expect(stderr).toMatch(new RegExp(`^corral: '${key}' is held without cgroups: .*session\\.setLimits`))
    expect(await corral(['set', ...HELD, 'nobody', '--memory-max', '1G'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nobody: no such session'),
    })
  })

  test('sweep names those that live, and does not touch them', async () => {
    const held = await open()
    const session = await held.spawn({ ...living })
    const { status, stdout } = await corral(['sweep', ...HELD, '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ failed: [] })
    expect(JSON.parse(stdout).live).toContain(held.id)
    expect(session.members()).toContain(session.process.pid)
  })
})
