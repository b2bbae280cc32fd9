// The negative controls: what the payloads do to the usual ways of ending a program. If these failed, the
// payloads would prove nothing about the way that is tested beside them.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import treeKill from 'tree-kill'
import { describe, expect } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { lacks, NO_CGROUP, OUTRUN } from '../../support/lacks.js'
import { line } from '../../support/line.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import {
  commandOf,
  HIDDEN_OR_NOT,
  type Leader,
  needsGroup,
  outrunsPen,
  type PayloadName,
  payloads,
  payloadTable,
  tableHere,
} from './payload-table.js'

type Skip = { (condition: boolean, note: string): void; (note: string): never }

/** Starts the payload as is usual, in a process group of its own, and waits until it hides. */
async function letLoose(
  pen: Pen,
  name: PayloadName,
  leader: Leader,
  skip: Skip,
): Promise<ChildProcess & { pid: number }> {
  skip(needsGroup(payloads[name]) && lacks('cgroup'), NO_CGROUP)
  skip(outrunsPen(payloads[name]), OUTRUN)
  const { command, args } = await commandOf(payloads[name], leader)
  const child = pen.spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  if (!child.stdout || !child.pid) throw new Error(`${command} was not started`)
  const said = await line(child.stdout, HIDDEN_OR_NOT)
  if (said !== 'hidden') skip(said)
  if (leader === 'leave') await gone
  return Object.assign(child, { pid: child.pid })
}

const processGroup = 'SIGKILL to the process group'
const parentPids = 'a walk over parent pids (tree-kill)'
type Way = typeof processGroup | typeof parentPids

const ways: Record<Way, (pid: number) => Promise<void>> = {
  [processGroup]: async (pid) => {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch (error) {
      // The leader has left and nobody else is in its process group: there is nothing to signal.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  },
  [parentPids]: (pid) => promisify<number, string, void>(treeKill)(pid, 'SIGKILL'),
}

interface Control {
  way: Way
  leader: Leader
  /** Each payload that outlives it, with how many processes are left; undefined: some, ever new ones. */
  survivors: Partial<Record<PayloadName, Survivors>>
}

/** `many`: at least MANY. */
type Survivors = number | 'many' | undefined

const MANY = 50

const controls: Control[] = [
  {
    way: processGroup,
    leader: 'stay',
    survivors: {
      'a hundred processes': 100,
      'groups of its own, three deep': 3,
      'a fork bomb': undefined,
      'a process in a frozen group': 1,
      'a group that froze itself': 1,
      'threaded groups': 2,
      'groups that come and go': 2,
      'stopped processes': 10,
      'daemons of two forks': 3,
      'processes that fork anew on SIGTERM': 3,
      'a group without permissions': 1,
      'a process that holds stdout open': 1,
      'a process that always forks and ends': undefined,
      'processes in sessions of their own': 2,
      'daemons of libc': 2,
      'a process that another one traces': 2,
      'a subreaper and its orphans': 3,
      'a pid namespace': 2,
      'a mount namespace': 1,
      'a chain of vforks': 4,
      'brothers of the leader': 2,
      'threads of a zombie': 1,
      'a gigabyte of dirty memory': 1,
      'five thousand processes': 'many',
      'processes under a false name': 2,
      'processes without descriptors': 1,
      'a terminal server': 2,
      'a process of another user': 1,
      'a process group without its head': 2,
      'a read in flight in io_uring': 1,
      'two that start each other anew': 2,
      'a chain of npx': 2,
      'an MCP server with a daemon': 1,
      'a daemon of Python': 2,
      'mounts that only it sees': 1,
      'groups below mounts': 1,
      'a group of its own made threaded': 1,
      'a thousand groups in one another': 1,
      'a path longer than PATH_MAX': 1,
      'a way to it that is shut': 1,
      'an exec that hangs': 3,
    },
  },
  {
    way: parentPids,
    leader: 'stay',
    survivors: {
      'orphaned grandchildren': 2,
      'a hundred processes': 50,
      'groups of its own, three deep': 3,
      'a process in a frozen group': 1,
      'threaded groups': 1,
      'groups that come and go': 1,
      'daemons of two forks': 3,
      'a group without permissions': 1,
    },
  },
  {
    way: parentPids,
    leader: 'leave',
    survivors: {
      'a fork bomb': undefined,
      'stopped processes': 10,
      'processes that ignore SIGTERM': 2,
      'children that the leader forgets': 3,
      'processes that fork anew on SIGTERM': 3,
      'a process that holds stdout open': 1,
      'a process that always forks and ends': undefined,
      'processes of nohup': 2,
    },
  },
]

/** How many live once all that the signals ended are gone. */
async function survivorsIn(pen: Pen, leader: number, expected: Survivors): Promise<number> {
  const atFirst = await pen.members()
  const settled = (pids: number[]) => {
    if (expected === 'many') return !pids.includes(leader) && pids.length >= MANY
    // Where the number never stands still, a process newer than the end proves that somebody outlived it.
    return expected === undefined ? pids.some((pid) => !atFirst.includes(pid)) : pids.length === expected
  }
  const found = await eventually(
    `${expected ?? 'new'} survivors`,
    async () => {
      const pids = await pen.members()
      return settled(pids) && pids
    },
    { instead: pen.members },
  )
  return found.length
}

describe.each(controls)('$way, the leader told to $leader', ({ way, leader, survivors }) => {
  const isHere = ([name]: [PayloadName, Survivors]) => tableHere.some(([here]) => here === name)
  const outliving = (Object.entries(survivors) as [PayloadName, Survivors][]).filter(isHere)
  test.for(outliving)('is outlived by %s', async ([name, expected], { pen, skip }) => {
    const { pid } = await letLoose(pen, name, leader, skip)
    await ways[way](pid)
    expect(await survivorsIn(pen, pid, expected)).toBeGreaterThan(0)
    await pen.kill()
    expect(await pen.members()).toEqual([])
  })
})

test('each program outlives at least one of these', () => {
  const outliving = controls.flatMap(({ survivors }) => Object.keys(survivors))
  expect(payloadTable.map(([name]) => name).filter((name) => !outliving.includes(name))).toEqual([])
})

test('without a pen to hide from, each way does end a program that does not hide', async ({ pen }) => {
  for (const way of Object.values(ways)) {
    const plain = pen.spawn('/bin/sh', ['-c', 'sleep 30 & wait'], { detached: true, stdio: 'ignore' })
    await eventually('both processes run', async () => (await pen.members()).length === 2)
    await way(plain.pid as number)
    await eventually('nobody is left', async () => (await pen.members()).length === 0, {
      instead: pen.members,
    })
  }
})
