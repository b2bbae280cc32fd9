// Timers and the time, taken when this is loaded. Tests of a host put others in the place of the globals (node:test, Vitest, Jest,
// Sinon), which stand still: a session that is spawned and closed meanwhile, by real processes, must not.
import { performance } from 'node:perf_hooks'

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, queueMicrotask } =
  globalThis
export const { nextTick } = process
/** Milliseconds of a clock that never jumps. */
export const now = performance.now.bind(performance)
/** A timer's longest, in ms: beyond it Node takes 1 ms instead. */
export const LONGEST_MS = 2 ** 31 - 1
/** It keeps the event loop alive. */
export const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))
