// The negative controls: what the payloads do to the usual ways of ending a program. If these failed, the
// payloads would prove nothing about the way that is tested beside them.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import treeKill from 'tree-kill'
import { describe, expect } from 'vitest'
import { eventually } from '../support/eventually.js'
import { line } from '../support/line.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { commandOf, type Leader, type PayloadName, payloads } from './payload-table.js'

/** Starts the payload as is usual, in a process group of its own, and waits until it hides. */
async function letLoose(
  pen: Pen,
  name: PayloadName,
  leader: Leader,
): Promise<ChildProcess & { pid: number }> {
  const { command, args } = await commandOf(payloads[name], leader)
  const child = pen.spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  if (!child.stdout || !child.pid) throw new Error(`${command} was not started`)
  await line(child.stdout, /^hidden$/)
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
  survivors: Partial<Record<PayloadName, number | undefined>>
}

const controls: Control[] = [
  {
    way: processGroup,
    leader: 'stay',
    survivors: {
      'a hundred processes': 100,
      'groups of its own, three deep': 3,
      'a fork bomb': undefined,
      'a process in a frozen group': 1,
      'threaded groups': 2,
      'groups that come and go': 2,
      'stopped processes': 10,
      'daemons of two forks': 3,
      'processes that fork anew on SIGTERM': 3,
      'a group without permissions': 1,
      'a process that holds stdout open': 1,
      'a process that always forks and ends': undefined,
    },
  },
  {
    way: parentPids,
    leader: 'stay',
    survivors: {
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
    },
  },
]

/** How many live once all that the signals ended are gone. */
async function survivorsIn(pen: Pen, expected: number | undefined): Promise<number> {
  const atFirst = await pen.members()
  // Where the number never stands still, a process newer than the end proves that somebody outlived it.
  const settled = (pids: number[]) =>
    expected === undefined ? pids.some((pid) => !atFirst.includes(pid)) : pids.length === expected
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
  const outliving = Object.entries(survivors) as [PayloadName, number | undefined][]
  test.for(outliving)('is outlived by %s', async ([name, expected], { pen }) => {
    const { pid } = await letLoose(pen, name, leader)
    await ways[way](pid)
    expect(await survivorsIn(pen, expected)).toBeGreaterThan(0)
    await pen.kill()
    expect(await pen.members()).toEqual([])
  })
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
