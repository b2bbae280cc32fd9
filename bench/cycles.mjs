// Does a gateway that starts and closes a thousand sessions end as it began? Counts open files, zombies,
// cgroup directories and heap before and after. Run with --expose-gc.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openCorral } from 'corral'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { countCgroupsBelow } from './pen.mjs'

const CYCLES = 1000

// The engine's own growth (compiled code, type feedback) comes to 300 KB and is over by then.
const WARMUP = 2000

// A session that is kept costs 3,300 bytes of heap, a report alone 470; what the engine itself still gains after the
// warm-up is about 50 a cycle.
const MAX_HEAP_BYTES_PER_CYCLE = 200

const SETTLE_TIMEOUT_MS = 5000
const SETTLE_POLL_MS = 20

const PAUSER = floorProgram('pauser')

if (typeof globalThis.gc !== 'function') {
  console.error('usage: node --expose-gc bench/cycles.mjs [options]')
  process.exit(2)
}

await runBench('cycles', async ({ pen, claims, rounds, keep }) => {
  const root = pen.directory('root')
  const corral = await openCorral({ root })
  try {
    await cycle(corral, WARMUP)
    const before = await settle(root)

    const cycles = rounds(CYCLES)
    const start = process.hrtime.bigint()
    await cycle(corral, cycles)
    const seconds = Number(process.hrtime.bigint() - start) / 1e9

    const after = await settle(root, before)
    keep('cycles', { cycles, seconds, before, after })
    report({ cycles, seconds, before, after }, claims)
  } finally {
    await corral.close({ graceMs: 0 })
  }
})

// Both endings in turn: a session that is closed while it runs, and a oneshot whose leader exits by itself.
async function cycle(corral, times) {
  for (let i = 0; i < times; i++) {
    if (i % 2 === 0) {
      const session = await corral.spawn({ key: `closed-${i}`, mode: 'persistent', command: PAUSER })
      await session.close({ graceMs: 0 })
    } else {
      const session = await corral.spawn({ key: `oneshot-${i}`, mode: 'oneshot', command: '/bin/true' })
      await session.closed
    }
  }
}

function report({ cycles, seconds, before, after }, claims) {
  console.log(
    `\n${cycles} cycles in ${seconds.toFixed(2)} s, ${((seconds / cycles) * 1000).toFixed(2)} ms each`,
  )
  for (const what of Object.keys(before)) console.log(`${what}: ${before[what]} before, ${after[what]} after`)
  console.log()

  for (const what of ['openFiles', 'zombies', 'cgroups']) {
    claims.atMost(what, 'difference', Math.abs(after[what] - before[what]), 0)
  }
  const heapPerCycle = (after.heapUsed - before.heapUsed) / cycles
  claims.atMost('heap after gc', 'growth', heapPerCycle, MAX_HEAP_BYTES_PER_CYCLE, 'bytes per cycle')
}

// The last sockets close, and the last dead process is reaped, a few turns after a session is reported
// closed. So count until it is as `expected` (without it: until two counts agree), within a bound. A leak
// never settles.
async function settle(root, expected) {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS
  let wanted = expected
  for (;;) {
    const counted = count(root)
    if (wanted && ['openFiles', 'zombies', 'cgroups'].every((what) => counted[what] === wanted[what]))
      return counted
    if (Date.now() > deadline) return counted
    if (!expected) wanted = counted
    await setTimeout(SETTLE_POLL_MS)
  }
}

function count(root) {
  globalThis.gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  return {
    openFiles: readdirSync('/proc/self/fd').length,
    zombies: countZombies(),
    cgroups: countCgroupsBelow(root),
    heapUsed,
    external,
    rss,
  }
}

// Our own children that are dead and not reaped.
function countZombies() {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => isOurZombie(pid)).length
}

function isOurZombie(pid) {
  let stat
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false
    throw error
  }
  const [, state, parent] = /\) (\S) (\d+)/.exec(stat.slice(stat.lastIndexOf(')')))
  return state === 'Z' && Number(parent) === process.pid
}
