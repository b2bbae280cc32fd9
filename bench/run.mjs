// What it costs to run one command through `corral run`: the time until the command's main(), the time until all is
// over, and the memory of what stays beside the command. Against plain fork and exec (the floor), Node, and other
// wrappers where they are installed.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { entering } from './pen.mjs'
import { measureResident } from './resident-memory.mjs'
import { interleave } from './rounds.mjs'
import { OWN_WAYS, peerWays } from './run-ways.mjs'
import { median, pairedRatio, pick } from './statistics.mjs'
import { formatNumber, formatTable } from './table.mjs'

const ROUNDS = 20
const PER_ROUND = 5
const WARMUP = 1
const MEMORY_ROUNDS = 5

// As against Node's own start
const MAX_SHARE_OF_NODE = 0.25
const MIN_RATIO_TO_NODE = 5
// As against a shell that waits for the command
const MAX_RATIO_SUPERVISOR = 1
const MAX_RATIO_BOTH = 2
const MEMORY = ['processes', 'wrapper', 'wrapperAnonymous', 'all', 'allAnonymous']

const PRINT_CLOCK = floorProgram('print-clock')
const START_CLOCK = floorProgram('start-clock')

const CLI = 'corral run'
const NATIVE = 'corral-warden run'
const NODE = "node -e ''"
const NODE_WRAPPER = 'node, spawning it'
const SHELL = 'sh, waiting for it'

let serial = 0

await runBench('run', async ({ pen, claims, rounds, record, keep }) => {
  const peers = await peerWays()
  const ways = { ...OWN_WAYS, ...peers }
  const times = await measureTimes(pen, ways, rounds(ROUNDS))
  reportTimes(times, Object.keys(peers), { claims, record })
  const memory = await measureMemory(pen, ways, rounds(MEMORY_ROUNDS))
  reportMemory(memory, { claims, keep })
  const becoming = Object.keys(peers).filter((name) => peers[name].keeps === 0)
  for (const name of becoming) console.log(`${name} keeps nothing: it becomes the command`)
})

async function measureTimes(pen, ways, rounds) {
  const root = pen.directory('root')
  const starter = pen.directory('starter')
  const subjects = mapValues(ways, (way) => () => startInARow(starter, way, root))
  return interleave({ rounds, warmup: WARMUP, subjects })
}

// One sample: the medians of five starts in a row.
async function startInARow(cgroup, { words, enter = [] }, root) {
  const [program, ...args] = [...enter, START_CLOCK, String(PER_ROUND), ...words([PRINT_CLOCK], root)]
  const { stdout } = await promisify(execFile)(...entering(cgroup, program, args))
  const starts = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  if (starts.length !== PER_ROUND) throw new Error(`start-clock printed ${stdout}`)
  const [begunMs, endedMs] = [0, 1].map(
    (column) => median(starts.map((times) => Number(times[column]))) / 1000,
  )
  return { begunMs, endedMs }
}

function reportTimes(samples, peers, { claims, record }) {
  const begun = pick(samples, 'begunMs')
  delete begun[NODE] // has no command
  const ended = pick(samples, 'endedMs')
  record('from before the start to main() of the command', 'ms', begun)
  record('from before the start to the end of the wrapper', 'ms', ended)

  const share = pairedRatio(ended[NODE], begun[CLI]) * 100
  const native = formatNumber(median(begun[NATIVE]))
  console.log(
    `\n${CLI} to main(): Node's start is ${share.toFixed(0)} % of it; the native entry point takes ${native} ms`,
  )
  for (const peer of peers) {
    const ratio = formatNumber(pairedRatio(begun[peer], begun[NATIVE]))
    console.log(`to main(), ${peer} against ${NATIVE}: ratio ${ratio} (no claim)`)
  }
  const ratioToNode = pairedRatio(begun[NODE_WRAPPER], begun[NATIVE])
  claims.atLeast(`to main(), ${NODE_WRAPPER} against ${NATIVE}`, 'ratio', ratioToNode, MIN_RATIO_TO_NODE)
  const shareOfNode = pairedRatio(begun[NATIVE], ended[NODE])
  claims.atMost(`to main(), ${NATIVE} against ${NODE}`, 'ratio', shareOfNode, MAX_SHARE_OF_NODE)
}

// The wrapper in one cgroup and Corral's root in another, both below one that has everything that stays.
async function measureMemory(pen, ways, rounds) {
  const staying = Object.fromEntries(Object.entries(ways).filter(([, { keeps }]) => keeps > 0))
  const subjects = mapValues(staying, (way) => () => {
    const place = `memory-${serial++}`
    const cgroup = pen.directory(place)
    return measureResident({
      cgroup,
      wrapper: pen.directory(`${place}/wrapper`),
      root: pen.directory(`${place}/root`),
      way,
    })
  })
  return interleave({ rounds, warmup: 0, subjects })
}

function reportMemory(samples, { claims, keep }) {
  keep('resident memory beside the command, KiB', samples)
  const rows = Object.entries(samples).map(([name, list]) => [
    name,
    ...MEMORY.map((field) => medianOf(list, field)),
  ])
  const header = ['', 'processes', 'wrapper: resident', 'anonymous', 'all: resident', 'anonymous']
  console.log(`\nbeside the command, while it runs (KiB)\n${formatTable(header, rows)}`)
  for (const name of [CLI, NATIVE]) {
    const shell = medianOf(samples[SHELL], 'all')
    const ratio = (field) => medianOf(samples[name], field) / shell
    const against = `resident memory against ${SHELL}`
    claims.atMost(`${name}, the supervising process`, against, ratio('wrapper'), MAX_RATIO_SUPERVISOR)
    claims.atMost(`${name}, with its guard`, against, ratio('all'), MAX_RATIO_BOTH)
  }
}

function medianOf(samples, field) {
  return median(samples.map((sample) => sample[field]))
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}
