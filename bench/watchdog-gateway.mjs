// A gateway with SESSIONS sessions of PROCESSES processes each, whose memory it looks after in a way (memory-samplers.mjs).
// Started by watchdog.mjs, once for each sample: what is measured is the CPU time of the whole process.
//
//   node watchdog-gateway.mjs WAY SESSIONS PROCESSES MIB WINDOW_MS ROOT    prints one sample, as JSON

import { setTimeout } from 'node:timers/promises'
import { openCorral } from 'corral'
import { cpuPercent } from './cpu-time.mjs'
import { watchTurns } from './event-loop.mjs'
import { samplers } from './memory-samplers.mjs'
import { readPids, SLEEPERS } from './sleeping-processes.mjs'

// By then each session has been looked at once, and the engine has compiled what it runs.
const SETTLE_MS = 1000
// Longer than the longest time between two looks.
const TURNS_MS = 1200

const [way, sessions, processes, mib, windowMs, root] = process.argv.slice(2)

const corral = await openCorral({ root })
try {
  const started = Array.from({ length: Number(sessions) }, (_, number) => start(number))
  console.log(JSON.stringify(await measure(await Promise.all(started))))
} finally {
  await corral.close({ graceMs: 0 })
}

async function start(number) {
  const session = await corral.spawn({
    key: `session-${number}`,
    mode: 'persistent',
    command: SLEEPERS,
    args: [processes, mib],
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pids = await readPids(session.process.stdout)
  return { path: session.receipt.path, leader: pids[0], pids }
}

async function measure(started) {
  let looks = 0
  const shared = 1
  const expected = (Number(processes) + shared) * Number(mib) * 2 ** 20
  const stop = await samplers[way](started, expected, () => looks++)
  await setTimeout(SETTLE_MS)

  const before = looks
  const percent = await cpuPercent(() => setTimeout(Number(windowMs)))
  const looksPerSecond = (looks - before) / started.length / (Number(windowMs) / 1000)

  // Only now: watching its turns keeps the event loop busy.
  const turns = watchTurns()
  await setTimeout(TURNS_MS)
  const longestMs = turns.longest()
  await stop()
  return { ...percent, looksPerSecond, longestMs, pids: started.flatMap(({ pids }) => pids) }
}
