// What is measured of sessions that live.
import type { Usage } from '../backend/facts.js'
import type { InstrumentName, Labels, Measurement } from './instruments.js'

/** A mode that is none of Corral's, or not told, is `unknown`. */
export function countModes(modes: readonly (string | undefined)[], labels: Labels = {}): Measurement[] {
  const counts: Record<string, number> = { oneshot: 0, persistent: 0 }
  for (const mode of modes) {
    const known = mode === 'oneshot' || mode === 'persistent' ? mode : 'unknown'
    counts[known] = (counts[known] ?? 0) + 1
  }
  return Object.entries(counts).map(([mode, value]) => ({
    name: 'sessions',
    labels: { ...labels, mode },
    value,
  }))
}

/** What is not known of it is left out. */
export function measureSession(processes: number, usage: Usage, labels: Labels): Measurement[] {
  const { memoryBytes, memoryMaxBytes, cpuUserMs, cpuSystemMs = 0 } = usage
  const values: [InstrumentName, number | undefined][] = [
    ['session_memory', memoryBytes],
    ['session_memory_max', memoryMaxBytes],
    ['session_cpu', cpuUserMs === undefined ? undefined : (cpuUserMs + cpuSystemMs) / 1000],
    ['session_processes', processes],
  ]
  return values.flatMap(([name, value]) => (value === undefined ? [] : { name, labels, value }))
}
