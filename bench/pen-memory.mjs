// The pen's counterpart where memory is counted by cgroup v1 (a hybrid host): Corral makes a twin of each session there,
// below the v1 cgroup of the gateway. A bench has a v1 cgroup of its own, so that what is left in it is found.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { findMemoryV1 } from '../build/js/backend/cgroup/memory-v1.js'

// The dead of a bench are in it until they are reaped, and some inits reap only every few seconds.
const EMPTY_TIMEOUT_MS = 15_000
const POLL_MS = 5

let own

/** Has this process, and so all that it starts, live in `corral-bench-NAME-PID`. Where there is no v1 memory: nothing. */
export function enterMemoryPen(name) {
  const parent = findMemoryV1()
  if (parent === undefined) return { end: () => [] }
  own = join(parent, `corral-bench-${name}-${process.pid}`)
  mkdirSync(own)
  enter(own)
  return {
    /** Leaves and removes it; gives what instances had left in it. */
    end() {
      const left = below(own)
      for (const directory of left.toReversed()) rmdirSync(directory)
      enter(parent)
      removeEmptied(own)
      return left
    },
  }
}

/** The twin of a gateway's instance; undefined where it has none. */
export function memoryTwin(instance) {
  const twin = own && join(own, `corral-${basename(instance)}`)
  return twin && existsSync(twin) ? twin : undefined
}

function enter(directory) {
  writeFileSync(join(directory, 'cgroup.procs'), String(process.pid))
}

function below(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [join(directory, name), ...below(join(directory, name))])
}

function removeEmptied(directory) {
  const deadline = Date.now() + EMPTY_TIMEOUT_MS
  for (;;) {
    try {
      rmdirSync(directory)
      return
    } catch (error) {
      if (error.code !== 'EBUSY') throw error
      if (Date.now() > deadline) {
        const pids = readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim().split('\n')
        throw new Error(`${directory} is not empty: ${pids.join(', ')}`)
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
    }
  }
}
