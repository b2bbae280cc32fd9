// Measures, in a process that holds MIB mebibytes of live buffers, what one spawn costs the event loop.
// Started by spawn.mjs, once per size, because the resident size of a process does not shrink when buffers
// are freed.
//
//   node spawn-blocking.mjs MIB ROUNDS ROOT PAUSER    prints name → samples, as JSON

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { openCorral } from 'corral'
import { interleave } from './rounds.mjs'

const WARMUP = 5
const CHUNK = 64 * 2 ** 20

const QUIET_SLICE_MS = 5
const QUIET_MAX_ACTIVE_MS = 0.5
const QUIET_TIMEOUT_MS = 5000

const [mib, rounds, root, pauser] = process.argv.slice(2)

const ballast = fill(Number(mib) * 2 ** 20)
const corral = await openCorral({ root })
try {
  let serial = 0
  const samples = await interleave({
    rounds: Number(rounds),
    warmup: WARMUP,
    subjects: {
      'child_process.spawn': async () => {
        const { cost, started: child } = await measure(
          () => {
            const child = spawn(pauser, [], { stdio: 'pipe' })
            return once(child, 'spawn').then(() => child)
          },
          (child) => child,
        )
        const closed = once(child, 'close')
        child.kill('SIGKILL')
        await closed
        return cost
      },
      'corral.spawn': async () => {
        const key = `pauser-${serial++}`
        const { cost, started: session } = await measure(
          () => corral.spawn({ key, mode: 'persistent', command: pauser, stdio: 'pipe' }),
          (session) => session.process,
        )
        await session.close({ graceMs: 0 })
        return cost
      },
    },
  })
  console.log(JSON.stringify(samples))
} finally {
  await corral.close({ graceMs: 0 })
}
// Read at the end, so that the buffers are alive until here.
if (ballast.some((chunk) => chunk[chunk.length - 1] !== 1)) throw new Error('the ballast is damaged')

// Both ways are measured alike: the time that the event loop did not idle between the call and the moment the
// program is up, the same until all three streams were asked for (Corral makes them when they are), and the part
// that the call itself took. Ending the program again is outside.
async function measure(start, processOf) {
  await untilQuiet()
  const utilization = performance.eventLoopUtilization()
  const called = process.hrtime.bigint()
  const starting = start()
  const returned = process.hrtime.bigint()
  const started = await starting
  const { active: upMs } = performance.eventLoopUtilization(utilization)
  const { stdin, stdout, stderr } = processOf(started)
  const { active: usableMs } = performance.eventLoopUtilization(utilization)
  if (!stdin || !stdout || !stderr) throw new Error('a stream is missing')
  return { cost: { upMs, usableMs, syncMs: Number(returned - called) / 1e6 }, started }
}

// The spawn before leaves work to the loop (sockets to close, page faults after a fork). It must not be
// charged to the next one: wait for a slice of time in which the loop did next to nothing.
async function untilQuiet() {
  const deadline = performance.now() + QUIET_TIMEOUT_MS
  for (;;) {
    const before = performance.eventLoopUtilization()
    await setTimeout(QUIET_SLICE_MS)
    if (performance.eventLoopUtilization(before).active < QUIET_MAX_ACTIVE_MS) return
    if (performance.now() > deadline)
      throw new Error(`the event loop is not quiet after ${QUIET_TIMEOUT_MS} ms`)
  }
}

// Written to, page by page: memory that was only reserved has no page tables to copy.
function fill(bytes) {
  const chunks = []
  for (let left = bytes; left > 0; left -= CHUNK) chunks.push(Buffer.alloc(Math.min(left, CHUNK), 1))
  return chunks
}
