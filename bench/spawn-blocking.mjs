// Measures, in a process that holds MIB mebibytes of live buffers, how long one spawn blocks the event loop.
// Started by spawn.mjs, once for each size and way of spawning: a process does not shrink when buffers are freed, and
// each fork leaves page faults behind that would be charged to the next spawn.
//
//   node spawn-blocking.mjs WAY MIB ROUNDS ROOT PAUSER    prints the samples, as JSON

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { openCorral } from 'corral'
import { watchTurns } from './event-loop.mjs'
import { handOver } from './hand-over.mjs'

const CHUNK = 64 * 2 ** 20

const [way, mib, rounds, root, pauser] = process.argv.slice(2)

// Each way: how to start a program, how to end it, and how often to do so before it counts. The floor starts none.
const ways = {
  'child_process.spawn': async () => ({
    warmup: 5,
    start: () => {
      const child = spawn(pauser, [], { stdio: 'pipe' })
      return once(child, 'spawn').then(() => child)
    },
    streamsOf: (child) => child,
    async end(child) {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    },
    finish: () => undefined,
  }),
  'a hand-over to a thread': async () => ({
    warmup: 500,
    start: handOver,
    end: () => undefined,
    finish: () => undefined,
  }),
  'corral.spawn': async () => {
    const corral = await openCorral({ root })
    let serial = 0
    return {
      warmup: 500,
      start: () =>
        corral.spawn({ key: `pauser-${serial++}`, mode: 'persistent', command: pauser, stdio: 'pipe' }),
      streamsOf: (session) => session.process,
      end: (session) => session.close({ graceMs: 0 }),
      finish: () => corral.close({ graceMs: 0 }),
    }
  },
}

const ballast = fill(Number(mib) * 2 ** 20)
const { warmup, start, streamsOf, end, finish } = await ways[way]()
const samples = []
try {
  for (let round = -warmup; round < Number(rounds); round++) {
    const { cost, started } = await measure()
    if (round >= 0) samples.push(cost)
    await end(started)
  }
} finally {
  await finish()
}
console.log(JSON.stringify(samples))
// Read at the end, so that the buffers are alive until here.
if (ballast.some((chunk) => chunk[chunk.length - 1] !== 1)) throw new Error('the ballast is damaged')

// A spawn keeps the event loop from serving others twice: in the call itself, and when the program is up. `longestMs`
// is the longest such stretch, `syncMs` the first of them; `streamsMs` is what asking for the three streams takes
// (child_process has made them in the call).
async function measure() {
  const called = performance.now()
  const starting = start()
  const returned = performance.now()
  const turns = watchTurns(returned)
  const started = await starting
  await new Promise((resolve) => setImmediate(resolve))
  const syncMs = returned - called
  const longestMs = Math.max(syncMs, turns.longest())
  const streamsMs = streamsOf ? streamsTime(streamsOf, started) : 0
  return { cost: { longestMs, syncMs, streamsMs }, started }
}

function streamsTime(streamsOf, started) {
  const asked = performance.now()
  const { stdin, stdout, stderr } = streamsOf(started)
  const ms = performance.now() - asked
  if (!stdin || !stdout || !stderr) throw new Error('a stream is missing')
  return ms
}

// Written to, page by page: memory that was only reserved has no page tables to copy.
function fill(bytes) {
  const chunks = []
  for (let left = bytes; left > 0; left -= CHUNK) chunks.push(Buffer.alloc(Math.min(left, CHUNK), 1))
  return chunks
}
