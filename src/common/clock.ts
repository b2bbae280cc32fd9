// Timers and the time, taken when this is loaded. Tests of a host put others in the place of the globals (node:test, Vitest, Jest,
// Sinon), which stand still: a session that is spawned and closed meanwhile, by real processes, must not.
export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, queueMicrotask } =
  globalThis
export const { nextTick } = process
const { bigint: hrtime } = process.hrtime
/** Milliseconds of a clock that never jumps. */
export const now = () => Number(hrtime()) / 1e6
/** A timer's longest, in ms: beyond it Node takes 1 ms instead. */
export const LONGEST_MS = 2 ** 31 - 1
/** It keeps the event loop alive. */
export const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))
