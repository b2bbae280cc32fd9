// How long it takes to end a session of N processes and be sure of it: Corral's close(), the same in C (the
// floor), and tree-kill (the peer), in interleaved rounds.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openCorral } from 'corral'
import treeKill from 'tree-kill'
import { floorProgram } from './floor.mjs'
import { handOverMs } from './hand-over.mjs'
import { runBench } from './harness.mjs'
import { removeCgroup } from './pen.mjs'
import { interleave } from './rounds.mjs'
import { countAlive, readPids, SLEEPERS, settleReaping, startSleepers } from './sleeping-processes.mjs'
import { pairedRatio, pick } from './statistics.mjs'

const ROUNDS = { 1: 60, 10: 60, 100: 40, 500: 20, 2000: 12 }
const WARMUP = 3

// From here on the kernel's own work outweighs the fixed cost of a promise and a few thread hops.
const RATIO_FROM = 100
const MAX_RATIO = 1.3
// What it costs more than the floor, in hand-overs to another thread and back
const MAX_HAND_OVERS = 40

// tree-kill starts one ps for every process that it finds; beyond this it is not a tool anybody would use.
const TREE_KILL_UP_TO = 100
const SURVIVAL_MS = 3000

// The kernel tells of a change in cgroup.events at most every 10 ms (CGROUP_FILE_NOTIFY_MIN_INTV, rounded up
// to whole ticks) and holds a second one back. The sleepers' arrival was the first: without a pause,
// `populated 0` would come up to 12 ms late to a process that waits for it, and the floor would be a timer of the
// kernel's.
const NOTIFY_INTERVAL_MS = 25

const KILL_FLOOR = floorProgram('kill-floor')
const WAIT_EMPTY = floorProgram('wait-empty')

let serial = 0

await runBench('kill', async ({ pen, claims, rounds, record }) => {
  const corral = await openCorral({ root: pen.directory('root') })
  try {
    for (const count of Object.keys(ROUNDS).map(Number)) {
      const subjects = {
        corral: () => closeWithCorral(corral, count),
        floor: () => killWithFloor(pen, count),
        'hand-over': async () => ({ ms: await handOverMs(), survivors: 0 }),
      }
      if (count <= TREE_KILL_UP_TO) subjects['tree-kill'] = () => killWithTreeKill(pen, count)

      const samples = await interleave({ rounds: rounds(ROUNDS[count]), warmup: WARMUP, subjects })
      report(count, samples, { claims, record })
    }
  } finally {
    await corral.close({ graceMs: 0 })
  }
})

function report(count, samples, { claims, record }) {
  const times = pick(samples, 'ms')
  const survivors = Object.entries(pick(samples, 'survivors')).map(([name, counts]) => [name, sum(counts)])
  const subject = `${count} ${count === 1 ? 'process' : 'processes'}`

  record(`${subject}: from the call to all gone and removed`, 'ms', times)
  console.log(`survivors: ${survivors.map((entry) => entry.join(' ')).join(', ')}`)

  const against = `${subject}, corral against the floor`
  if (count >= RATIO_FROM) {
    claims.atMost(against, 'ratio', pairedRatio(times.corral, times.floor), MAX_RATIO)
  } else {
    const more = times.corral.map((ms, round) => ms - times.floor[round])
    const handOvers = pairedRatio(more, times['hand-over'])
    claims.atMost(`${against}, the difference`, 'hand-overs to a thread', handOvers, MAX_HAND_OVERS)
  }
  claims.atMost(`${subject}, corral`, 'survivors', Object.fromEntries(survivors).corral, 0)
  if (times['tree-kill']) {
    const ratio = pairedRatio(times['tree-kill'], times.corral)
    console.log(`${subject}, tree-kill against corral: ratio ${ratio.toFixed(1)} (no claim)`)
  }
}

async function closeWithCorral(corral, count) {
  const session = await corral.spawn({
    key: `sleepers-${serial++}`,
    mode: 'persistent',
    command: SLEEPERS,
    args: [String(count)],
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pids = await readPids(session.process.stdout)
  await setTimeout(NOTIFY_INTERVAL_MS)

  const start = process.hrtime.bigint()
  await session.close({ graceMs: 0 })
  const end = process.hrtime.bigint()

  if (existsSync(session.receipt.path))
    throw new Error(`${session.receipt.path} is still there after close()`)
  return finish(milliseconds(end - start), pids)
}

async function killWithFloor(pen, count) {
  const cgroup = pen.directory(`floor-${serial++}`)
  const { leader, pids } = await startSleepers(cgroup, count)
  const leaderClosed = once(leader, 'close')
  await setTimeout(NOTIFY_INTERVAL_MS)

  const { stdout } = await promisify(execFile)(KILL_FLOOR, [cgroup])
  const removedUs = Number(stdout.trim().split(' ')[2])

  await leaderClosed
  return finish(removedUs / 1000, pids)
}

async function killWithTreeKill(pen, count) {
  const cgroup = pen.directory(`tree-kill-${serial++}`)
  const { leader, pids } = await startSleepers(cgroup, count)
  const leaderClosed = once(leader, 'close')
  const watcher = spawn(WAIT_EMPTY, [cgroup], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: watcher.stdout })[Symbol.asyncIterator]()
  if ((await lines.next()).value !== 'ready') throw new Error('wait-empty did not start')
  await setTimeout(NOTIFY_INTERVAL_MS)

  const start = process.hrtime.bigint()
  await promisify(treeKill)(leader.pid, 'SIGKILL')
  const empty = lines.next()
  await Promise.race([empty, setTimeout(SURVIVAL_MS, undefined, { ref: false })])

  // A process that lives now, survived; the pen ends it, and the time of such a round runs until then.
  const survivors = countAlive(pids)
  removeCgroup(cgroup)
  const emptied = BigInt((await empty).value)
  await leaderClosed
  return { ...(await finish(milliseconds(emptied - start), pids)), survivors }
}

async function finish(ms, pids) {
  const survivors = countAlive(pids)
  if (survivors === 0) await settleReaping(pids)
  return { ms, survivors }
}

function milliseconds(nanoseconds) {
  return Number(nanoseconds) / 1e6
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}
