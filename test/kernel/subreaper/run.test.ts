// `corral run` without cgroups: who ends the command when one of those is killed or stopped that hold it, and its terminal.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { describe, expect, onTestFinished } from 'vitest'
import { wardenPath } from '../../../src/native/addon.js'
import { basicTable, bySubreaper, commandOf } from '../../chaos/escape/payload-table.js'
import { CLI } from '../../cli/command-line.js'
import { withoutWardens } from '../../support/entered-pen.js'
import { eventually } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { describeAll, type Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { statOf } from '../warden/warden.js'
import { nobodyLeft } from './gateway.js'

// A daemon, two children, and a leader: none of them ends by itself or on SIGTERM
const FAMILY = ['sh', '-c', 'trap "" TERM; sleep 1000 & (setsid sleep 1000 &); sleep 1000 & echo ready; wait']

interface Run {
  child: ChildProcess
  exited: Promise<[status: number | null, signal: NodeJS.Signals | null]>
  complains: (pattern: RegExp) => Promise<unknown>
}

/** `corral run` in the pen, which has all that comes of it, once the command has said that it is ready. */
async function run(
  pen: Pen,
  command: string[],
  { ready = /^ready$/, options = [] as string[], detached = false, by = [] as string[] } = {},
): Promise<Run> {
  const [program = '', ...args] = [
    ...[...by, process.execPath, CLI, 'run', '--backend', 'subreaper'],
    ...[...options, '--', ...command],
  ]
  const child = pen.spawn(program, args, { detached, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { stderr } = child
  if (!child.stdout || !stderr) throw new Error('corral run has no output')
  const exited = once(child, 'exit') as Run['exited']
  let complaint = ''
  stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  const complains = (pattern: RegExp) => eventually(`${pattern} is said`, () => pattern.test(complaint))
  await line(child.stdout, ready)
  return { child, exited, complains }
}

async function named(pen: Pen, name: string): Promise<number> {
  return eventually(`there is a ${name}`, async () => {
    const pids = await pen.members()
    const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')))
    const [found, ...others] = pids.filter((_, index) => names[index] === `${name}\n`)
    return others.length === 0 && found
  })
}

const keeper = (pen: Pen) => named(pen, 'corral-keeper')
const holder = (pen: Pen) => named(pen, 'corral-holder')

const isStopped = (pid: number) => eventually(`${pid} is stopped`, () => statOf(pid)[0] === 'T')

// The programs that would freeze whoever holds them cannot be held so
const escapes = basicTable.filter(([, payload]) => bySubreaper(payload) && !payload.makesGroups)

describe('nothing is left of', () => {
  test.for(escapes)('%s, when its leader has ended', async ([, payload], { pen }) => {
    const { command, args } = await commandOf(payload, 'leave')
    const { exited } = await run(pen, [command, ...args], { ready: /^hidden$/ })
    expect(await exited).toEqual([0, null])
    expect(await withoutWardens(await pen.members())).toEqual([])
    await nobodyLeft(pen)
  })

  test.for(escapes)('%s, when corral run gets SIGTERM', async ([, payload], { pen }) => {
    const { command, args } = await commandOf(payload, 'stay')
    const { child, exited } = await run(pen, [command, ...args], {
      ready: /^hidden$/,
      options: ['--grace', '50'],
    })
    child.kill('SIGTERM')
    const [status, signal] = await exited
    expect([0, 'SIGTERM', 'SIGKILL']).toContain(signal ?? status)
    expect(await withoutWardens(await pen.members())).toEqual([])
    await nobodyLeft(pen)
  })

  test.for(escapes)('%s, when corral run is killed', async ([, payload], { pen }) => {
    const { command, args } = await commandOf(payload, 'stay')
    const { child, exited } = await run(pen, [command, ...args], { ready: /^hidden$/ })
    child.kill('SIGKILL')
    await exited
    await nobodyLeft(pen)
  })
})

describe('a corral run without cgroups', () => {
  test('that has ended has left no process of its own, of whatever started it', async ({ pen }) => {
    const { exited } = await run(pen, ['sh', '-c', 'sleep 1000 & echo ready'])
    expect(await exited).toEqual([0, null])
    expect(await describeAll(await pen.members())).toEqual([])
  })

  test('passes on what comes before it has heard that the command was started', async ({ pen }) => {
    // The command knows its pid, and is as fast as it can be. One can be lucky, hence ten tries
    const script = `trap 'exit 9' USR1; kill -USR1 "$1"; while :; do sleep 0.01; done`
    const starter = 'exec "$0" run --subreaper -- sh -c "$1" sh $$'
    for (let round = 0; round < 10; round++) {
      const child = pen.spawn('sh', ['-c', starter, wardenPath(), script], { stdio: 'inherit' })
      onTestFinished(() => void child.kill('SIGKILL'))
      expect(await once(child, 'exit')).toEqual([9, null])
    }
    await nobodyLeft(pen)
  })

  test('whose holder is killed ends with that, and its keeper ends the rest first', async ({ pen }) => {
    const { exited } = await run(pen, FAMILY)
    process.kill(await holder(pen), 'SIGKILL')
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await describeAll(await pen.members())).toEqual([])
  })

  test('that is killed together with its holder leaves nothing', async ({ pen }) => {
    const { child, exited } = await run(pen, FAMILY)
    const held = await holder(pen)
    child.kill('SIGSTOP')
    process.kill(held, 'SIGKILL')
    child.kill('SIGKILL')
    await exited
    await nobodyLeft(pen)
  })

  test('whose keeper is killed goes on, and is ended by its holder', async ({ pen }) => {
    const { child, exited } = await run(pen, FAMILY)
    const members = await withoutWardens(await pen.members())
    const killed = await keeper(pen)
    process.kill(killed, 'SIGKILL')
    await eventually('the keeper is gone', async () => !(await pen.members()).includes(killed))
    expect(await withoutWardens(await pen.members())).toEqual(members)
    child.kill('SIGTERM')
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGKILL'])
    await nobodyLeft(pen)
  })

  test('that is killed after its keeper leaves nothing', async ({ pen }) => {
    const { child, exited } = await run(pen, FAMILY)
    process.kill(await keeper(pen), 'SIGKILL')
    child.kill('SIGKILL')
    await exited
    await nobodyLeft(pen)
  })

  /** Kills the one that could end what the other loses first. */
  async function killBoth(pen: Pen): Promise<void> {
    const [held, kept] = [await holder(pen), await keeper(pen)]
    process.kill(kept, 'SIGKILL')
    process.kill(held, 'SIGKILL')
  }

  test('whose holder and keeper are both killed ends all by itself', async ({ pen }) => {
    const { exited } = await run(pen, FAMILY)
    await killBoth(pen)
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(await describeAll(await pen.members())).toEqual([])
  })

  test('whose holder and keeper are both killed says what it cannot end without a mark', async ({ pen }) => {
    const { exited, complains } = await run(pen, FAMILY, { by: ['prlimit', '--locks=1000'] })
    await killBoth(pen)
    expect(await exited).toEqual([1, null])
    await complains(/^corral: what held the command was killed: .* only itself is ended\n$/)
    await eventually('the command alone is gone', async () => (await pen.members()).length === 3)
    await pen.kill()
  })

  test('that is stopped, and killed then, leaves nothing', async ({ pen }) => {
    const { child, exited } = await run(pen, FAMILY)
    child.kill('SIGSTOP')
    await isStopped(child.pid ?? 0)
    expect(await withoutWardens(await pen.members())).toHaveLength(4)
    child.kill('SIGKILL')
    await exited
    await nobodyLeft(pen)
  })

  test('that is stopped while its command ends tells of it when it goes on', async ({ pen }) => {
    const { child, exited } = await run(pen, ['sh', '-c', 'sleep 1000 & echo ready; kill -STOP $$; exit 5'])
    const leader = Number((await childrenOf(await holder(pen)))[0])
    await isStopped(leader)
    child.kill('SIGSTOP')
    await isStopped(child.pid ?? 0)
    process.kill(leader, 'SIGCONT')
    await eventually('the command has ended', async () => !(await pen.members()).includes(leader))
    child.kill('SIGCONT')
    expect(await exited).toEqual([5, null])
    await nobodyLeft(pen)
  })

  test('whose holder is stopped can be ended', async ({ pen }) => {
    const { child, exited } = await run(pen, FAMILY, { options: ['--grace', '0'] })
    process.kill(await holder(pen), 'SIGSTOP')
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGKILL'])
    await nobodyLeft(pen)
  })

  test('whose keeper is stopped when its holder is killed leaves nothing', async ({ pen }) => {
    const { exited } = await run(pen, FAMILY)
    const kept = await keeper(pen)
    process.kill(kept, 'SIGSTOP')
    await isStopped(kept)
    process.kill(await holder(pen), 'SIGKILL')
    expect(await exited).toEqual([null, 'SIGKILL'])
    await nobodyLeft(pen)
  })

  test('leaves nothing when its whole process group is killed, its holder among it', async ({ pen }) => {
    const { child, exited } = await run(pen, FAMILY, { detached: true })
    const group = Number(statOf(child.pid ?? 0)[2])
    expect(Number(statOf(await holder(pen))[2])).toBe(group)
    expect(group).not.toBe(Number(statOf(process.pid)[2]))
    process.kill(-group, 'SIGKILL')
    await exited
    await nobodyLeft(pen)
  })

  test('ends a command that uses more memory than it may', async ({ pen }) => {
    const script = "echo ready; head -c 300M /dev/zero | tail; echo 'never here'"
    const options = ['--memory-max', '100M', '--best-effort']
    const { exited, complains } = await run(pen, ['sh', '-c', script], { options })
    expect(await exited).toEqual([null, 'SIGKILL'])
    await complains(/^corral: the session uses \d+ bytes of memory, and may use 104857600: it is ended\n$/)
    await nobodyLeft(pen)
  })
})

const childrenOf = async (pid: number) =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')
