// How long it takes to collect the sessions of a gateway that was killed together with its guard: Corral's sweep(), and the
// same in C (the floor), in interleaved rounds.

import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openCorral } from 'corral'
import { killWithGuard } from './dead-gateway.mjs'
import { floorProgram } from './floor.mjs'
import { handOverMs } from './hand-over.mjs'
import { runBench } from './harness.mjs'
import { entering } from './pen.mjs'
import { memoryTwin } from './pen-memory.mjs'
import { interleave } from './rounds.mjs'
import { countAlive, firstLine, settleReaping } from './sleeping-processes.mjs'
import { median, pairedRatio, pick } from './statistics.mjs'
import { formatNumber } from './table.mjs'

const ROUNDS = { 10: 30, 100: 20, 1000: 8 }
const WARMUP = 1
const PROCESSES = 1

// Below, the fixed cost of a promise and of taking locks outweighs the work.
const RATIO_FROM = 100
const MAX_RATIO = 1.5
// What it costs more than the floor, in hand-overs to another thread and back
const MAX_HAND_OVERS = 150
// From 100 sessions to 1,000, the time may grow so many times as much as the floor's does: what one takes the kernel
// depends on how many there are.
const MAX_GROWTH = 1.5

// As in kill.mjs: the kernel holds news of cgroup.events back for 10 ms.
const NOTIFY_INTERVAL_MS = 25

const GATEWAY = fileURLToPath(new URL('crash-gateway.mjs', import.meta.url))
const SWEEP_FLOOR = floorProgram('sweep-floor')

let serial = 0

await runBench('sweep', async ({ pen, claims, rounds, record }) => {
  const sweeperRoot = pen.directory('root')
  const floorRoot = pen.directory('floor')
  const sweeper = await openCorral({ root: sweeperRoot, sweep: false })
  const medians = { corral: [], floor: [] }
  try {
    for (const count of Object.keys(ROUNDS).map(Number)) {
      const samples = await interleave({
        rounds: rounds(ROUNDS[count]),
        warmup: WARMUP,
        subjects: {
          corral: () => sweepWithCorral(pen, sweeper, sweeperRoot, count),
          floor: () => sweepWithFloor(pen, floorRoot, count),
          'hand-over': async () => ({ ms: await handOverMs(), survivors: 0 }),
        },
      })
      const times = report(count, samples, { claims, record })
      for (const way of Object.keys(medians)) medians[way].push(median(times[way]))
    }
  } finally {
    await sweeper.close({ graceMs: 0 })
  }
  const [corral, floor] = [medians.corral, medians.floor].map((times) => times.at(-1) / times.at(-2))
  const subject = '1000 sessions against 100'
  console.log(
    `${subject}: corral ${formatNumber(corral)} times, floor ${formatNumber(floor)} times (no claim)`,
  )
  claims.atMost(`${subject}, growth of corral's against the floor's`, 'ratio', corral / floor, MAX_GROWTH)
})

function report(count, samples, { claims, record }) {
  const times = pick(samples, 'ms')
  const subject = `${count} sessions`
  record(`${subject}: from the call to all gone and removed`, 'ms', times)
  const survivors = pick(samples, 'survivors').corral.reduce((sum, number) => sum + number, 0)
  const against = `${subject}, corral against the floor`
  const ratio = pairedRatio(times.corral, times.floor)
  if (count >= RATIO_FROM) claims.atMost(against, 'ratio', ratio, MAX_RATIO)
  else {
    const more = times.corral.map((ms, round) => ms - times.floor[round])
    const handOvers = pairedRatio(more, times['hand-over'])
    claims.atMost(`${against}, the difference`, 'hand-overs to a thread', handOvers, MAX_HAND_OVERS)
    console.log(`${against}: ratio ${formatNumber(ratio)} (no claim)`)
  }
  claims.atMost(`${subject}, corral`, 'survivors', survivors, 0)
  return times
}

async function sweepWithCorral(pen, sweeper, root, count) {
  const { pids, instance } = await leaveSessions(pen, root, count)
  const start = performance.now()
  const { collected } = await sweeper.sweep()
  const ms = performance.now() - start
  if (collected.length !== 1 || collected[0].sessions !== count || existsSync(instance))
    throw new Error(`the sweep did not collect ${instance}: ${JSON.stringify(collected)}`)
  return finish(ms, pids)
}

async function sweepWithFloor(pen, root, count) {
  const { pids, instance } = await leaveSessions(pen, root, count)
  const twin = memoryTwin(instance)
  const { stdout } = await promisify(execFile)(SWEEP_FLOOR, twin ? [instance, twin] : [instance])
  return finish(Number(stdout.trim().split(' ')[1]) / 1000, pids)
}

async function finish(ms, pids) {
  const survivors = countAlive(pids)
  if (survivors === 0) await settleReaping(pids)
  return { ms, survivors }
}

/** Has a gateway start the sessions, and kills it together with its guard. */
async function leaveSessions(pen, root, count) {
  const args = [GATEWAY, 'corral', String(count), String(PROCESSES), root]
  const gateway = spawn(...entering(pen.directory(`gateway-${serial++}`), process.execPath, args), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const started = JSON.parse(await firstLine(gateway.stdout))
  await killWithGuard(gateway, started.instance)
  if (countAlive(started.pids) !== count * PROCESSES)
    throw new Error('not all sessions outlived their gateway')
  await setTimeout(NOTIFY_INTERVAL_MS)
  return started
}
