// How long sessions outlive a gateway that is killed: with Corral, whose guard ends them, and with a process that looks
// for its parent once a second (the peer). From just before the SIGKILL to the gateway until the last process of all
// sessions is gone.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { entering, removeCgroup } from './pen.mjs'
import { interleave } from './rounds.mjs'
import { countAlive, firstLine, settleReaping } from './sleeping-processes.mjs'
import { median, percentile, summarizeEach } from './statistics.mjs'
import { formatNumber, formatTable } from './table.mjs'

const PROCESSES = 4

// A crash under Corral is over in milliseconds, one under the peer takes up to a second: so there are several of the
// first to one of the second in a round.
const PLANS = [
  { sessions: 1, rounds: 20, crashes: 5 },
  { sessions: 20, rounds: 20, crashes: 8 },
  { sessions: 200, rounds: 10, crashes: 3 },
]
const WARMUP = 1

const BOUND_AT_SESSIONS = 20
// As against the gateway's own death, which the kernel takes its time for
const MAX_RATIO_TO_DEATH = 4

const POLLER_INTERVAL_MS = 1000

// By then the kernel is not holding back news of the sessions' arrival any more (CGROUP_FILE_NOTIFY_MIN_INTV, 10 ms): a
// crash straight after a spawn is the exception.
const SETTLED_MS = 25

const GATEWAY = fileURLToPath(new URL('crash-gateway.mjs', import.meta.url))
const CRASH_CLOCK = floorProgram('crash-clock')

const GAVE_UP_MS = 10_000

let serial = 0

await runBench('crash', async ({ pen, claims, rounds, keep }) => {
  const root = pen.directory('root')
  for (const { sessions, rounds: usual, crashes } of PLANS) {
    const count = rounds(usual)
    const phase = phases(count)
    const samples = await interleave({
      rounds: count,
      warmup: WARMUP,
      subjects: {
        corral: () => crashesUnderCorral(pen, root, sessions, crashes),
        poller: () => crashUnderPoller(pen, sessions, phase()),
      },
    })
    report(sessions, { corral: samples.corral.flat(), poller: samples.poller }, { claims, keep })
  }
})

function report(sessions, { corral, poller }, { claims, keep }) {
  const subject = `${sessions} ${sessions === 1 ? 'session' : 'sessions'} of ${PROCESSES} processes each`
  const rows = {
    'corral: gateway dead': corral.map(({ deadMs }) => deadMs),
    'corral: all gone': corral.map(({ emptyMs }) => emptyMs),
    'corral: instance removed': corral.map(({ removedMs }) => removedMs),
    'poller: gateway dead': poller.map(({ deadMs }) => deadMs),
    'poller: all gone': poller.map(({ emptyMs }) => emptyMs),
  }
  keep(subject, summarizeEach(rows))
  printTimes(`${subject}: from the SIGKILL to the gateway`, rows)
  const survivors = { corral: countSurvivors(corral), poller: countSurvivors(poller) }
  console.log(`survivors: corral ${survivors.corral}, poller ${survivors.poller}`)

  if (sessions === BOUND_AT_SESSIONS) {
    const [gone, dead] = ['corral: all gone', 'corral: gateway dead'].map((row) =>
      percentile(rows[row], 0.99),
    )
    claims.atMost(
      `${subject}, all gone against the gateway's own death`,
      'ratio of p99',
      gone / dead,
      MAX_RATIO_TO_DEATH,
    )
  }
  claims.atMost(`${subject}, corral`, 'survivors', survivors.corral, 0)
  const ratio = median(rows['poller: all gone']) / median(rows['corral: all gone'])
  console.log(`${subject}, poller against corral: ratio of p50 ${formatNumber(ratio)} (no claim)`)
}

function printTimes(title, rows) {
  const lines = Object.entries(rows).map(([name, times]) => [
    name,
    times.length,
    median(times),
    percentile(times, 0.99),
    Math.max(...times),
  ])
  console.log(`\n${title} (ms)\n${formatTable(['', 'samples', 'p50', 'p99', 'most'], lines)}`)
}

function countSurvivors(crashes) {
  return crashes.reduce((total, { survivors }) => total + survivors, 0)
}

// The dead are waited for once a row, not after each crash: some inits reap only every few seconds.
async function crashesUnderCorral(pen, root, sessions, times) {
  const crashes = []
  for (let i = 0; i < times; i++) {
    const gateway = await startGateway(pen, 'corral', sessions, root)
    await setTimeout(SETTLED_MS)
    crashes.push(await gateway.crash())
  }
  await settleReaping(crashes.flatMap(({ dead }) => dead))
  return crashes
}

// The poller has just begun its first second: `phaseMs` later is as far on in some second of its.
async function crashUnderPoller(pen, sessions, phaseMs) {
  const cgroup = pen.directory(`poller-${serial++}`)
  const gateway = await startGateway(pen, 'poller', sessions, cgroup)
  await setTimeout(phaseMs)
  const crash = await gateway.crash()
  removeCgroup(cgroup)
  await settleReaping(crash.dead)
  return crash
}

// Its own cgroup is in the pen, beside the sessions', so that nothing of it survives a bench that is interrupted.
async function startGateway(pen, way, sessions, directory) {
  const args = [GATEWAY, way, String(sessions), String(PROCESSES), directory]
  const child = spawn(...entering(pen.directory(`gateway-${serial++}`), process.execPath, args), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const line = await firstLine(child.stdout)
  if (line === '') throw new Error(`the ${way} gateway did not start`)
  const started = JSON.parse(line)
  if (countAlive(started.pids) !== sessions * PROCESSES) throw new Error('not all processes run')

  return {
    async crash() {
      const watched = [started.sessions, started.instance].filter((path) => path !== undefined)
      const { stdout } = await promisify(execFile)(CRASH_CLOCK, [String(child.pid), ...watched])
      const [deadMs, emptyMs, removedMs] = stdout.trim().split(' ').map(milliseconds)
      await exited
      const survivors = countAlive(started.pids)
      return { deadMs, emptyMs, removedMs, survivors, dead: survivors === 0 ? started.pids : [] }
    },
  }
}

// A moment of the poller's second for each round, at random, but no part of it more often than another.
function phases(count) {
  let next = Math.floor(Math.random() * count)
  return () => ((next++ % count) + Math.random()) * (POLLER_INTERVAL_MS / count)
}

// What never came took longer than crash-clock waits.
function milliseconds(text) {
  return text === 'never' ? GAVE_UP_MS : Number(text) / 1000
}
