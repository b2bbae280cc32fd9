// From the call to a running program: corral.spawn() against the C floor and against child_process.spawn().
//
// The started program (floor/print-clock.c) writes the clock of its main(). process.hrtime is the same clock
// on Linux, CLOCK_MONOTONIC, and every sample checks that it is: the program's clock must lie between the
// call and the reading.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { floorProgram } from './floor.mjs'
import { interleave } from './rounds.mjs'
import { firstLine } from './sleeping-processes.mjs'
import { median } from './statistics.mjs'

const WARMUP = 3
const PER_ROUND = 10

const PRINT_CLOCK = floorProgram('print-clock')
const CLONE3_FLOOR = floorProgram('clone3-floor')
const STDIO = ['ignore', 'pipe', 'inherit']

/** Name → one sample a round, in milliseconds; a sample is the median of ten starts in a row. */
export async function measureLatency({ corral, pen, rounds }) {
  let serial = 0

  const withCorral = async () => {
    const key = `clock-${serial++}`
    const call = process.hrtime.bigint()
    const session = await corral.spawn({ key, command: PRINT_CLOCK, stdio: STDIO })
    const ms = elapsed(call, await firstLine(session.process.stdout))
    await session.closed
    return ms
  }

  const withChildProcess = async () => {
    const call = process.hrtime.bigint()
    const child = spawn(PRINT_CLOCK, [], { stdio: STDIO })
    const closed = once(child, 'close')
    const ms = elapsed(call, await firstLine(child.stdout))
    await closed
    return ms
  }

  return interleave({
    rounds,
    warmup: WARMUP,
    subjects: {
      'corral.spawn': () => inARow(withCorral),
      floor: () => floorRow([pen.directory(`floor-${serial++}`)]),
      'floor with a new cgroup each': () => floorRow(['--fresh', pen.directory(`floor-${serial++}`)]),
      'child_process.spawn': () => inARow(withChildProcess),
    },
  })
}

async function inARow(measure) {
  const samples = []
  for (let i = 0; i < PER_ROUND; i++) samples.push(await measure())
  return median(samples)
}

async function floorRow(args) {
  const { stdout } = await promisify(execFile)(CLONE3_FLOOR, [...args, String(PER_ROUND), PRINT_CLOCK])
  const samples = stdout.trim().split('\n').map(Number)
  if (samples.length !== PER_ROUND || samples.some(Number.isNaN))
    throw new Error(`clone3-floor printed ${stdout}`)
  return median(samples) / 1000
}

function elapsed(call, line) {
  const clock = BigInt(line)
  if (clock < call || clock > process.hrtime.bigint())
    throw new Error('process.hrtime is not CLOCK_MONOTONIC here')
  return Number(clock - call) / 1e6
}
