// How long the event loop serves nobody: turns of it, one after another without a pause. It keeps the processor busy.

import { performance } from 'node:perf_hooks'

/** Watches from the time `since` until `longest()` is asked for: the longest time between two turns, in ms. */
export function watchTurns(since = performance.now()) {
  let last = since
  let longest = 0
  let watching = true
  const turn = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (watching) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    longest() {
      watching = false
      return longest
    },
  }
}
