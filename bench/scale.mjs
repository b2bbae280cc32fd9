// What a session costs beside a thousand others, and beside ten thousand: to start, to list, to close and to sweep, in
// memory and in descriptors. And what it takes to collect a thousand dead instances.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openCorral } from 'corral'
import { killWithGuard } from './dead-gateway.mjs'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { entering } from './pen.mjs'
import { memoryTwin } from './pen-memory.mjs'
import { interleave } from './rounds.mjs'
import { countAlive, waitUntilReaped } from './sleeping-processes.mjs'
import { median, pick } from './statistics.mjs'

const FEW = 1000
const MANY = 10_000
const ROUNDS = 5
const LISTINGS = 3

const FEW_INSTANCES = 100
const MANY_INSTANCES = 1000

const MAX_HEAP_KIB = 16
// In starts of Node: what the command line costs at the least
const MAX_LS_STARTS = 10
// Below what the processor's caches hold, a listing is so quick that there is nothing to compare with.
const MAX_LIST_STARTS = 0.5
// A session among ten thousand may cost so many times what one among a thousand does.
const MAX_GROWTH = 1.5
// Of a leader without a pipe: its pidfd.
const DESCRIPTORS = 1

// As in kill.mjs: the kernel holds news of cgroup.events back for 10 ms.
const NOTIFY_INTERVAL_MS = 25

const GATEWAY = fileURLToPath(new URL('scale-gateway.mjs', import.meta.url))
const DEAD_INSTANCES = fileURLToPath(new URL('dead-instances.mjs', import.meta.url))
const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const SWEEP_FLOOR = floorProgram('sweep-floor')

const run = promisify(execFile)

let serial = 0

await runBench('scale', async ({ pen, claims, rounds, record }) => {
  const root = pen.directory('sweeper')
  const sweeper = await openCorral({ root, sweep: false })
  try {
    const counts = [FEW, MANY]
    const samples = await interleave({
      rounds: rounds(ROUNDS),
      warmup: 0,
      subjects: Object.fromEntries(counts.map((count) => [count, () => measure(pen, sweeper, count)])),
    })
    report(samples, { claims, record })
    const dead = await interleave({
      rounds: rounds(ROUNDS),
      warmup: 1,
      subjects: Object.fromEntries(
        [FEW_INSTANCES, MANY_INSTANCES].map((count) => [count, () => sweepInstances(pen, sweeper, count)]),
      ),
    })
    reportInstances(dead, { claims, record })
  } finally {
    await sweeper.close({ graceMs: 0 })
  }
})

/** Everything that is done with so many sessions: once they are closed, once they are swept, once by the floor. */
async function measure(pen, sweeper, count) {
  const closed = await closeAll(pen, count)
  const swept = await leave(pen, sweeper.root, count, async () => (await sweeper.sweep()).collected)
  if (swept.result[0]?.sessions !== count) throw new Error('the sweep did not collect all')
  const floor = await leave(pen, pen.directory(`floor-${serial++}`), count, (instance) => {
    const twin = memoryTwin(instance)
    return run(SWEEP_FLOOR, twin ? [instance, twin] : [instance])
  })
  return { ...closed, sweepMs: swept.ms, floorMs: floor.ms }
}

async function closeAll(pen, count) {
  const root = pen.directory(`root-${serial++}`)
  const gateway = await startGateway(pen, root, count)
  const [textMs, jsonMs] = [await listingMs(['ls'], root), await listingMs(['ls', '--json'], root)]
  const emptyMs = await listingMs(['ls'], pen.directory(`empty-${serial++}`))
  const nodeMs = await timeOf(['-e', ''])
  const { instance: _, pids, ...started } = gateway.started
  gateway.child.stdin.write('close\n')
  const { closeMs } = await gateway.next()
  await once(gateway.child, 'exit')
  assertGone(pids)
  return { ...started, closeMs, textMs, jsonMs, emptyMs, nodeMs }
}

/** Has a gateway and its guard die, and `collect` what they left. */
async function leave(pen, root, count, collect) {
  const { child, started } = await startGateway(pen, root, count)
  await killWithGuard(child, started.instance)
  if (countAlive(started.pids) !== count) throw new Error('not all sessions outlived their gateway')
  await setTimeout(NOTIFY_INTERVAL_MS)
  const begun = performance.now()
  const result = await collect(started.instance)
  const ms = performance.now() - begun
  assertGone(started.pids)
  await waitUntilReaped(started.pids)
  return { ms, result }
}

function assertGone(pids) {
  const alive = countAlive(pids)
  if (alive > 0) throw new Error(`${alive} of ${pids.length} processes survived`)
}

async function startGateway(pen, root, count) {
  const args = ['--expose-gc', GATEWAY, String(count), root]
  const child = spawn(...entering(pen.directory(`gateway-${serial++}`), process.execPath, args), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the gateway ended before its time')
    return JSON.parse(value)
  }
  return { child, started: await next(), next }
}

function listingMs(words, root) {
  return timeOf([CLI, ...words, '--root', root])
}

/** How long Node takes with these words, from its start to its end, in ms. */
async function timeOf(words) {
  const times = []
  for (let i = 0; i < LISTINGS; i++) {
    const begun = performance.now()
    await run(process.execPath, words, { maxBuffer: 2 ** 30 })
    times.push(performance.now() - begun)
  }
  return median(times)
}

function report(samples, { claims, record }) {
  const table = (title, unit, of) => {
    const cells = Object.entries(samples).map(([count, list]) => [
      `${count} sessions`,
      list.map((sample) => of(sample, Number(count))),
    ])
    record(title, unit, Object.fromEntries(cells))
    const [few, many] = cells.map(([, values]) => median(values))
    return { few, many, growth: many / few }
  }
  const each = (title, field, fixed) =>
    table(
      `${title}, for each session`,
      'ms',
      (sample, count) => (sample[field] - (sample[fixed] ?? 0)) / count,
    )
  const kib = (title, field) => table(`${title}, for each session`, 'KiB', ({ each }) => each[field] / 1024)

  const growing = {
    'spawn()': each('spawn(), eight at once', 'spawnMs'),
    'corral ls': each('corral ls, without that of none', 'textMs', 'emptyMs'),
    'corral ls --json': each('corral ls --json, without ls of none', 'jsonMs', 'emptyMs'),
    heap: kib("the gateway's heap", 'heapUsed'),
  }
  const list = table('corral.list()', 'ms', ({ listMs }) => listMs)
  // What the kernel does to kill and remove each grows with their number: only what Corral adds has to stay flat
  const ending = { 'close()': each('close() of the instance', 'closeMs'), sweep: each('sweep()', 'sweepMs') }
  const floor = each('sweep, in C', 'floorMs')
  const text = table('corral ls', 'ms', ({ textMs }) => textMs)
  const json = table('corral ls --json', 'ms', ({ jsonMs }) => jsonMs)
  table('corral ls of none', 'ms', ({ emptyMs }) => emptyMs)
  const node = table("node -e ''", 'ms', ({ nodeMs }) => nodeMs)
  kib("the gateway's resident memory", 'rss')
  kib('cgroups and other objects of the kernel, of the whole machine', 'kernelObjects')
  kib("the kernel's part of the sleeping process, of the whole machine", 'processes')
  const descriptors = table(
    "the gateway's descriptors, for each session",
    '',
    (sample) => Math.round(sample.each.descriptors * 1000) / 1000,
  )

  for (const [what, { growth }] of Object.entries(growing))
    claims.atMost(`a session's ${what}, among ${MANY} against among ${FEW}`, 'ratio', growth, MAX_GROWTH)
  for (const [what, { growth }] of Object.entries(ending)) {
    const subject = `a session's ${what}, among ${MANY} against among ${FEW}, as against the floor's`
    claims.atMost(subject, 'ratio', growth / floor.growth, MAX_GROWTH)
  }
  claims.atMost(`heap for each of ${MANY} sessions`, 'median', growing.heap.many, MAX_HEAP_KIB, 'KiB')
  const inStarts = (what, { many }, most) =>
    claims.atMost(`${what} of ${MANY} sessions`, 'in starts of Node', many / node.many, most)
  inStarts('corral.list()', list, MAX_LIST_STARTS)
  claims.atMost(`descriptors for each of ${MANY} sessions`, 'median', descriptors.many, DESCRIPTORS)
  inStarts('corral ls', text, MAX_LS_STARTS)
  inStarts('corral ls --json', json, MAX_LS_STARTS)
}

async function sweepInstances(pen, sweeper, count) {
  const args = entering(pen.directory(`dead-${serial++}`), process.execPath, [
    DEAD_INSTANCES,
    String(count),
    sweeper.root,
  ])
  const { stdout } = await run(...args)
  const pids = JSON.parse(stdout)
  await setTimeout(NOTIFY_INTERVAL_MS)
  const begun = performance.now()
  const { collected } = await sweeper.sweep()
  const ms = performance.now() - begun
  if (collected.length !== count) throw new Error(`${collected.length} of ${count} instances were collected`)
  assertGone(pids)
  await waitUntilReaped(pids)
  return { ms: ms / count }
}

function reportInstances(samples, { claims, record }) {
  const times = Object.fromEntries(
    Object.entries(pick(samples, 'ms')).map(([count, values]) => [`${count} instances`, values]),
  )
  record('sweep() of dead instances, for each', 'ms', times)
  const [few, many] = Object.values(times).map(median)
  const subject = `a dead instance, among ${MANY_INSTANCES} against among ${FEW_INSTANCES}`
  claims.atMost(subject, 'ratio', many / few, MAX_GROWTH)
}
