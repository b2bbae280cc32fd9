// What it takes to start: to import the library, and to run the command line where there is nothing to do. Against Node's own
// start, and beside what importing others takes. On Node 20, which has no compile cache.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { interleave } from './rounds.mjs'
import { pairedRatio, pick } from './statistics.mjs'
import { formatTable } from './table.mjs'

const ROUNDS = 30
const PER_ROUND = 3
const WARMUP = 2

// Its command: prints when it began
const PRINT_CLOCK = floorProgram('print-clock')
const START_CLOCK = floorProgram('start-clock')
const CORRAL = fileURLToPath(new URL('../dist/cli/launch.js', import.meta.url))
const LIBRARY = new URL('../dist/index.js', import.meta.url).href

const NODE = "node -e ''"
const IMPORT = 'import corral'
const LS = 'corral ls'
const RUN = 'corral run, to its exec'

const LIMITS = { [IMPORT]: 1.5, [LS]: 1.6, [RUN]: 1.6 }

const evaluating = (script) => [process.execPath, '-e', script]
const importing = (name) => evaluating(`import(${JSON.stringify(name)})`)

await runBench('start', async ({ pen, claims, rounds, record, keep }) => {
  const root = pen.directory('root')
  const commands = {
    [NODE]: evaluating(''),
    [IMPORT]: importing(LIBRARY),
    'import execa': importing(import.meta.resolve('execa')),
    'import node-pty': importing(import.meta.resolve('node-pty')),
    'import pino': importing(import.meta.resolve('pino')),
    [LS]: [CORRAL, 'ls', '--root', root],
    [RUN]: [CORRAL, 'run', '--root', root, '--', PRINT_CLOCK],
  }
  const subjects = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [name, () => startInARow(command)]),
  )
  const samples = await interleave({ rounds: rounds(ROUNDS), warmup: WARMUP, subjects })
  const times = pick(samples, 'ms')
  record('from before the start to its end, or to the exec', 'ms', times)
  record('CPU time', 'ms', pick(samples, 'cpuMs'))
  // A start has nothing that could make it faster by chance; what else the machine does only makes it slower
  const least = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, Math.min(...list)]))
  keep('the least, ms', least)
  const rows = Object.entries(least).map(([name, ms]) => [name, ms, ms / least[NODE]])
  console.log(`\nthe least that each took\n${formatTable(['', 'ms', `to ${NODE}`], rows)}`)
  for (const [name, limit] of Object.entries(LIMITS))
    claims.atMost(name, `the least, against ${NODE}`, least[name] / least[NODE], limit)
  const cpu = pick(samples, 'cpuMs')
  for (const [name, limit] of Object.entries(LIMITS))
    claims.atMost(name, `CPU time, against ${NODE}`, pairedRatio(cpu[name], cpu[NODE]), limit)
})

/** One sample: the least of a few starts in a row. */
async function startInARow(command) {
  const { stdout } = await promisify(execFile)(START_CLOCK, [String(PER_ROUND), ...command])
  const starts = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  const leastOf = (column) => Math.min(...starts.map((columns) => Number(columns[column]) / 1000))
  const begun = leastOf(0) // NaN where the command tells no time
  return { ms: Number.isNaN(begun) ? leastOf(1) : begun, cpuMs: leastOf(2) }
}
