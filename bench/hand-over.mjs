// The floor of whatever is asked of another thread: a hand-over to one of libuv's and back, with nothing done there but the
// cheapest system call that Node has. Claims on fixed costs are counted in these, for they grow with the machine's slowness.

import { fstat } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { median } from './statistics.mjs'

const IN_A_ROW = 20

export function handOver() {
  return new Promise((resolve, reject) => {
    fstat(0, (error) => (error ? reject(error) : resolve()))
  })
}

/** One sample: the median of twenty in a row, in ms. */
export async function handOverMs() {
  const times = []
  for (let i = 0; i < IN_A_ROW; i++) {
    const begun = performance.now()
    await handOver()
    times.push(performance.now() - begun)
  }
  return median(times)
}
