// What it costs a gateway to look after the memory of 100 sessions where no controller of the kernel does: Corral's
// watchdog, with all caps far away and with all of them near, and systeminformation once a second (the peer).

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runBench } from './harness.mjs'
import { entering, removeCgroup } from './pen.mjs'
import { interleave } from './rounds.mjs'
import { waitUntilReaped } from './sleeping-processes.mjs'
import { median, pairedRatio, pick } from './statistics.mjs'
import { formatNumber } from './table.mjs'

const WAYS = { idle: 'idle', far: 'watchdog, far', near: 'watchdog, near', peer: 'systeminformation' }
const SESSIONS = 100
const PROCESSES = 4
const MIB = 2
const ROUNDS = 3
const WINDOW_MS = 3000

const MIN_RATIO = 10

// Once a second, less the last look of the window: to look seldom would be cheap as well.
const MIN_LOOKS = 0.7

const GATEWAY = fileURLToPath(new URL('watchdog-gateway.mjs', import.meta.url))

let serial = 0
let dead = []

await runBench('watchdog', async ({ pen, claims, rounds, record }) => {
  const subjects = Object.fromEntries(Object.values(WAYS).map((way) => [way, () => gatewayProcess(pen, way)]))
  const samples = await interleave({ rounds: rounds(ROUNDS), warmup: 0, subjects })
  report(samples, { claims, record })
})

// A gateway of its own for each sample: systeminformation looks at every process of the machine, those of the others
// included, also the dead that init has not reaped. It sits in the pen, and so does what systeminformation starts there.
async function gatewayProcess(pen, way) {
  if (way === WAYS.peer) await waitUntilReaped(dead)
  const place = `gateway-${serial++}`
  const cgroup = pen.directory(place)
  const root = pen.directory(`${place}/root`)
  const own = pen.directory(`${place}/own`)
  const args = [GATEWAY, way, SESSIONS, PROCESSES, MIB, WINDOW_MS, root].map(String)
  const { stdout } = await promisify(execFile)(...entering(own, process.execPath, args))
  removeCgroup(cgroup)
  const { pids, ...sample } = JSON.parse(stdout)
  dead = pids
  if (way !== WAYS.idle && sample.looksPerSecond === 0) throw new Error(`${way}: nobody looked`)
  return sample
}

function report(samples, { claims, record }) {
  const subject = `${SESSIONS} sessions of ${PROCESSES} processes each`
  const percent = pick(samples, 'all')
  const looks = pick(samples, 'looksPerSecond')
  record(`${subject}: CPU time of the gateway and its children`, '% of one core', percent)
  record(`${subject}: the same without the children`, '% of one core', pick(samples, 'own'))
  record(`${subject}: looks at each session`, 'per second', looks)

  const idle = percent[WAYS.idle]
  const aboveIdle = (way) => percent[way].map((value, round) => value - idle[round])
  // 1 % of a core is 10 ms a second
  const perLook = (way) => aboveIdle(way).map((value, round) => (value * 10) / looks[way][round])
  const looking = [WAYS.far, WAYS.near, WAYS.peer]
  const costs = Object.fromEntries(looking.map((way) => [way, perLook(way)]))
  record(`${subject}: CPU time of one look at all of them`, 'ms', costs)
  record(`${subject}: the longest block of the event loop`, 'ms', pick(samples, 'longestMs'))
  console.log()

  const far = `${subject}, ${WAYS.far}`
  console.log(`${far}: CPU above idle ${formatNumber(median(aboveIdle(WAYS.far)))} % (no claim)`)
  claims.atLeast(far, 'looks per second', median(looks[WAYS.far]), MIN_LOOKS)
  const ratio = pairedRatio(costs[WAYS.peer], costs[WAYS.far])
  claims.atLeast(`one look at all, ${WAYS.peer} against ${WAYS.far}`, 'ratio', ratio, MIN_RATIO)
  const near = formatNumber(pairedRatio(costs[WAYS.near], costs[WAYS.far]))
  console.log(`one look at all, ${WAYS.near} against ${WAYS.far}: ratio ${near} (no claim)`)
}
