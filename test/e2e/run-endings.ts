// What must hold of any ACP agent behind `corral run`, whoever of its client, the supervising process and
// the agent itself is killed: run with the stand-in and with the real one.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Agent } from '../../bench/demo/agents.mjs'
import { LEFTOVERS_PER_PROMPT } from '../../bench/demo/leftovers.mjs'
import { members } from '../../bench/demo/pen.mjs'
import { median } from '../../bench/statistics.mjs'
import { SLOWNESS } from '../support/eventually.js'
import { goneBut, KEY, type Run, startRun } from './client.js'
import { test } from './penned.js'
import { ancestors, descendants, executable } from './processes.js'

// From SIGKILL of the supervising process to an empty group. On a machine that is too busy for it: a multiple
// of what the kernel alone takes there, which has some hundred megabytes of an agent to free.
const GUARDED_WITHIN_MS = 50
const BUSY_FACTOR = 2
const ROUNDS = 5
const ROUNDS_TIMEOUT_MS = 240_000 * SLOWNESS
const LOOK_EVERY_MS = 0.2
const GIVE_UP_MS = 20_000 * SLOWNESS

export function describeRunEndings(prepare: () => Promise<Agent>) {
  let agent: Agent

  beforeAll(async () => {
    agent = await prepare()
  })
  afterAll(() => agent?.end())

  test('the process that the client started is the warden, and the guard is none of its tree', async ({
    pen,
    scratch,
  }) => {
    const { client, supervisor, guard } = await startRun(pen, scratch, agent)

    expect(executable(supervisor)).toMatch(/\/corral-warden$/)
    expect(executable(guard)).toBe(executable(supervisor))
    expect(ancestors(supervisor)).toContain(client.pid)
    expect(ancestors(guard)).not.toContain(client.pid)
    expect(ancestors(guard)).not.toContain(supervisor)
  })

  describe('leaves nothing', () => {
    test('when its client is killed', async ({ pen, scratch }) => {
      const run = await startRun(pen, scratch, agent)

      await run.client.crash()

      await goneBut([], run.rooms)
    })

    test('when the supervising process is killed, and is empty milliseconds later', {
      timeout: ROUNDS_TIMEOUT_MS,
    }, async ({ pen, scratch }) => {
      const guarded: number[] = []
      const alone: number[] = []
      for (let round = 1; round <= ROUNDS; round++) {
        const [one, other] = await Promise.all([
          startRun(pen, scratch, agent, `guarded-${round}`),
          startRun(pen, scratch, agent, `alone-${round}`),
        ])
        guarded.push(emptyAfter(() => process.kill(one.supervisor, 'SIGKILL'), one.sessions))
        await over(one)
        alone.push(emptyAfter(() => writeFileSync(join(other.sessions, 'cgroup.kill'), '1'), other.sessions))
        await over(other)
      }
      const figures = `empty after ${list(guarded)} ms; by the kernel alone after ${list(alone)} ms`
      console.log(`${agent.title}, the supervising process killed: ${figures}`)
      const bound = Math.max(GUARDED_WITHIN_MS * SLOWNESS, BUSY_FACTOR * median(alone))
      expect(median(guarded), figures).toBeLessThanOrEqual(bound)
    })

    test('when its client ends it as hosts do', async ({ pen, scratch }) => {
      const run = await startRun(pen, scratch, agent)

      // End of input, 100 ms, SIGTERM to the pid that it started, 1.5 s, SIGKILL.
      await run.client.order('close', KEY)

      await goneBut([run.client.pid as number], run.rooms)
    })

    test('when all that a walk by parent pid finds is killed, the supervising process first', async ({
      pen,
      scratch,
    }) => {
      const run = await startRun(pen, scratch, agent)
      const found = descendants(run.client.pid as number)
      expect(found[0]).toBe(run.supervisor)
      expect(found).not.toContain(run.guard)
      // The walk does find the agent, and does not find what it left.
      const session = members(run.sessions)
      expect(session.filter((pid) => found.includes(pid)).length).toBeGreaterThanOrEqual(agent.processes)
      const missed = session.filter((pid) => !found.includes(pid))
      expect(missed.length).toBeGreaterThanOrEqual(LEFTOVERS_PER_PROMPT)

      // In one go, before any of the pids can be another's.
      for (const pid of found) kill(pid)

      await goneBut([run.client.pid as number], run.rooms)
    })
  })
}

/** Nothing but the client is left of a run, which then ends too. */
async function over(run: Run) {
  await goneBut([run.client.pid as number], run.rooms)
  await run.client.crash()
}

/** How long it took, in ms. Looks without giving way to others: nothing of ours has to run meanwhile. */
function emptyAfter(kill: () => void, group: string): number {
  expect(populated(group)).toBe(true)
  const from = performance.now() // timer: the figure
  kill()
  while (populated(group)) {
    if (performance.now() - from > GIVE_UP_MS) throw new Error(`${group} was not emptied`) // timer: as above
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS) // timer: looks at what is measured
  }
  return performance.now() - from // timer: as above
}

const list = (samples: number[]) => samples.map((ms) => ms.toFixed(1)).join(', ')

function populated(group: string): boolean {
  try {
    return readFileSync(join(group, 'cgroup.events'), 'utf8').includes('populated 1')
  } catch (error) {
    // Removed, or on its way out.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

// One may be gone already: its guard does not wait for the rest of them.
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
