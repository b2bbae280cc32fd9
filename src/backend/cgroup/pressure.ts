// Word of memory pressure: a group's processes wait for memory to be reclaimed (Documentation/accounting/psi.rst).

import type { Native } from '../../native/addon.js'
import type { Pressure } from '../facts.js'

// The window is a multiple of 2 s, which is all that an ordinary user may ask for (Linux 6.5).
const PRESSURE: Pressure = { resource: 'memory', stalledMs: 200, windowMs: 2000 }
const TRIGGER = `some ${PRESSURE.stalledMs * 1000} ${PRESSURE.windowMs * 1000}`

/**
 * Calls back at most once a window. Where the kernel has no pressure information for groups, or does not give it to us,
 * there is none. Returns the way to stop.
 */
export function watchPressure(
  native: Native,
  group: string,
  heard: (pressure: Pressure) => void,
): () => void {
  let stopped = false
  const listen = async () => {
    while (!stopped && (await native.pressure(group, 'memory.pressure', TRIGGER)))
      if (!stopped) heard(PRESSURE)
  }
  listen().catch(() => undefined)
  return () => {
    stopped = true
  }
}
