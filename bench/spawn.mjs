// What starting a session costs: the event loop of a small and of a large gateway, and the time until the
// program runs.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openCorral } from 'corral'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { entering } from './pen.mjs'
import { measureLatency } from './spawn-latency.mjs'
import { pairedRatio, pick } from './statistics.mjs'
import { formatNumber } from './table.mjs'

const HAND_OVER = 'a hand-over to a thread'
const WAYS = ['child_process.spawn', 'corral.spawn', HAND_OVER]
const SPAWNING = WAYS.filter((way) => way !== HAND_OVER)
const SIZES_MIB = [50, 512, 1024, 2048]
const BLOCKING_ROUNDS = 100
// corral.spawn() is no more than that, and the checks of its options: whatever the buffers
const MAX_HAND_OVERS = 6
const RATIO_AT_MIB = 1024
const MIN_RATIO = 20

const LATENCY_ROUNDS = 20
const MAX_LATENCY_RATIO = 3

const BLOCKING = fileURLToPath(new URL('spawn-blocking.mjs', import.meta.url))

await runBench('spawn', async ({ pen, claims, rounds, record }) => {
  for (const mib of SIZES_MIB) {
    const samples = await measureBlocking(pen, mib, rounds(BLOCKING_ROUNDS))
    reportBlocking(mib, samples, { claims, record })
  }
  await latency(pen, rounds(LATENCY_ROUNDS), { claims, record })
})

// In turns, A B C C B A: all ways see the same weather.
async function measureBlocking(pen, mib, rounds) {
  const samples = Object.fromEntries(WAYS.map((way) => [way, []]))
  for (const [visit, order] of [WAYS, [...WAYS].reverse()].entries())
    for (const way of order) {
      const name = `${way}-${mib}-${visit}`
      samples[way].push(...(await blockingProcess(pen, way, mib, Math.ceil(rounds / 2), name)))
    }
  return samples
}

// The measuring process sits in the pen, so that what child_process starts there is in the pen as well.
async function blockingProcess(pen, way, mib, rounds, name) {
  const cgroup = pen.directory(`worker-${name}`)
  const root = pen.directory(`root-${name}`)
  const args = [BLOCKING, way, mib, rounds, root, floorProgram('pauser')].map(String)
  const { stdout } = await promisify(execFile)(...entering(cgroup, process.execPath, args))
  return JSON.parse(stdout)
}

function reportBlocking(mib, samples, { claims, record }) {
  const longest = pick(samples, 'longestMs')
  const buffers = `${mib} MiB of buffers`
  record(`${buffers}: how long one spawn blocks the event loop`, 'ms', longest)
  record(`${buffers}: the call itself`, 'ms', pick(samples, 'syncMs'))
  const spawning = Object.fromEntries(SPAWNING.map((way) => [way, samples[way]]))
  record(`${buffers}: asking for its three streams, afterwards`, 'ms', pick(spawning, 'streamsMs'))

  const handOvers = pairedRatio(longest['corral.spawn'], longest[HAND_OVER])
  claims.atMost(`${buffers}, corral against a bare hand-over`, 'ratio', handOvers, MAX_HAND_OVERS)
  const subject = `${buffers}, child_process against corral`
  const ratio = pairedRatio(longest['child_process.spawn'], longest['corral.spawn'])
  if (mib === RATIO_AT_MIB) claims.atLeast(subject, 'ratio', ratio, MIN_RATIO)
  else console.log(`${subject}: ratio ${formatNumber(ratio)} (no claim)`)
}

async function latency(pen, rounds, { claims, record }) {
  const corral = await openCorral({ root: pen.directory('root') })
  try {
    const samples = await measureLatency({ corral, pen, rounds })
    record('from the call to main() of the program', 'ms', samples)
    const ratio = pairedRatio(samples['corral.spawn'], samples.floor)
    claims.atMost('from the call to main(), corral against the floor', 'ratio', ratio, MAX_LATENCY_RATIO)
  } finally {
    await corral.close({ graceMs: 0 })
  }
}
