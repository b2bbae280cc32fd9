// `corral usage` of a long ledger beside `jq -c .` of the same file, which reads and writes each line and does nothing else: how long it
// takes, and the most memory that it holds, which is not to grow with the ledger. jq(1) has to be there.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { runBench } from './harness.mjs'
import { pairedRatio } from './statistics.mjs'

const LINES = 1_000_000
// A tenth, to see what does not grow
const FEW = LINES / 10
const MAX_RATIO = 3
// Of remembering a million sessions (src/ledger/seen.ts), and what V8 leaves to its collector
const MAX_MORE_MIB = 64
const KEYS = 1000
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

function lineOf(nth) {
  const key = `agent:main:acp:${nth % KEYS}`
  return `${JSON.stringify({
    v: 1,
    boot: 'c69324c1-ec40-43e2-918d-5d57329267bc',
    id: String(33_000_000 + nth * 57),
    key,
    parentKey: 'agent:main:main',
    instance: `i${(nth % 97).toString(16).padStart(10, '0')}`,
    command: ['claude', 'codex', 'gemini'][nth % 3],
    startedAt: 1_795_970_000_000 + nth,
    endedAt: 1_795_970_060_000 + nth,
    reason: nth % 50 ? 'oneshot-complete' : 'timeout',
    exitCode: nth % 50 ? 0 : null,
    signal: nth % 50 ? null : 'SIGTERM',
    killed: nth % 7,
    killedNames: nth % 7 ? ['node'] : [],
    cpuUs: nth % 1_000_003,
    cpuUserUs: nth % 900_001,
    cpuSystemUs: nth % 100_003,
    memoryPeakBytes: 250_000_000 + (nth % 600_000_000),
    swapPeakBytes: 0,
    ioReadBytes: nth * 10,
    ioWriteBytes: nth,
    pidsPeak: nth % 64,
    oomKills: 0,
    cpuPressureUs: nth % 5000,
    memoryPressureUs: 0,
    ioPressureUs: null,
    mechanism: 'cgroup',
    writer: 'library',
  })}\n`
}

async function write(file, count) {
  const out = createWriteStream(file)
  for (let nth = 0; nth < count; nth++) if (!out.write(lineOf(nth))) await once(out, 'drain')
  out.end()
  await once(out, 'close')
}

/** How long it takes, in s, and the most that it held, in MiB: as time(1) tells. */
async function measured(command, args) {
  const words = ['-f', '%M', command, ...args]
  const begun = performance.now()
  const child = spawn('/usr/bin/time', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', (text) => {
    told += text
  })
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${told}`)
  return { s: (performance.now() - begun) / 1000, mib: Number(told.trim().split('\n').at(-1)) / 1024 }
}

const usage = (file) => measured(process.execPath, [MAIN, 'usage', file])

await runBench('usage', async ({ claims, rounds, record }) => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-bench-usage-'))
  const [many, few] = ['many', 'few'].map((name) => join(directory, name))
  try {
    await write(many, LINES)
    await write(few, FEW)
    const s = { usage: [], jq: [] }
    const mib = { [`${FEW} lines`]: [], [`${LINES} lines`]: [] }
    for (let round = 0; round < rounds(3); round++) {
      const ours = await usage(many)
      s.usage.push(ours.s)
      mib[`${LINES} lines`].push(ours.mib)
      mib[`${FEW} lines`].push((await usage(few)).mib)
      s.jq.push((await measured('jq', ['-c', '.', many])).s)
    }
    record(`${LINES} lines`, 's', s)
    record('the most memory of usage', 'MiB', mib)
    claims.atMost('usage against jq -c .', 'ratio', pairedRatio(s.usage, s.jq), MAX_RATIO)
    const more = mib[`${LINES} lines`].map((one, round) => one - mib[`${FEW} lines`][round])
    claims.atMost('memory, ten times the lines', 'MiB more', Math.max(...more), MAX_MORE_MIB)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
