// The gateway that scale.mjs measures: starts SESSIONS sessions of one sleeping process each and prints what they cost, then
// closes them at the first line of its input and prints how long that took. Run with --expose-gc.
//
//   node --expose-gc scale-gateway.mjs SESSIONS ROOT

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openCorral } from 'corral'
import { SLEEPERS } from './sleeping-processes.mjs'
import { median } from './statistics.mjs'

// By then the engine has compiled what it is going to.
const WARMUP = 500
// As many as a gateway starts side by side when it is busy: the addon starts them one after the other.
const AT_ONCE = 8
const LISTINGS = 15

const [sessions, root] = [Number(process.argv[2]), process.argv[3]]

const corral = await openCorral({ root, sweep: false })
for (let i = 0; i < WARMUP; i++) await (await start(`warm-${i}`)).close({ graceMs: 0 })

const before = usage()
const pids = []
const spawnMs = await timed(() => startAll(sessions))
const after = usage()
const each = Object.fromEntries(
  Object.keys(before).map((what) => [what, (after[what] - before[what]) / sessions]),
)
const listings = []
for (let i = 0; i < LISTINGS; i++) listings.push(await timed(() => corral.list()))
const instance = join(corral.root, 'corral', corral.id)
tell({ instance, pids, spawnMs, listMs: median(listings), each })

await once(createInterface({ input: process.stdin }), 'line')
tell({ closeMs: await timed(() => corral.close({ graceMs: 0 })) })
process.stdin.destroy()

function start(key) {
  return corral.spawn({ key, mode: 'persistent', command: SLEEPERS, args: ['1'], stdio: 'ignore' })
}

async function startAll(count) {
  let next = 0
  const startSome = async () => {
    while (next < count) pids.push((await start(`agent:main:acp:${next++}`)).process.pid)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, startSome))
}

async function timed(act) {
  const begun = performance.now()
  await act()
  return performance.now() - begun
}

function tell(what) {
  console.log(JSON.stringify(what))
}

/** Of this process, and of the kernel: what a session's processes take in memory of their own is not in it. */
function usage() {
  globalThis.gc()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapUsed, rss, descriptors: readdirSync('/proc/self/fd').length, ...kernelMemory() }
}

// Of the whole machine, in bytes: what others do meanwhile is in it. proc_meminfo(5)
function kernelMemory() {
  const text = readFileSync('/proc/meminfo', 'utf8')
  const bytes = (name) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return {
    kernelObjects: bytes('Slab') + bytes('Percpu'),
    processes: bytes('KernelStack') + bytes('PageTables'),
  }
}
