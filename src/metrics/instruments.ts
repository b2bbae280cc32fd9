// What is measured, in the words of no library: Prometheus and OpenTelemetry each make their names of these.

export interface Instrument {
  kind: 'gauge' | 'counter' | 'histogram'
  help: string
  unit?: 'bytes' | 'seconds' | undefined
}

const gauge = (help: string, unit?: Instrument['unit']): Instrument => ({ kind: 'gauge', help, unit })
const counter = (help: string, unit?: Instrument['unit']): Instrument => ({ kind: 'counter', help, unit })

/** By name, without prefix, unit and `total`; in the order in which they are told. */
export const INSTRUMENTS = {
  instances: gauge('Instances, by whether their owner lives.'),
  sessions: gauge('Live sessions, by mode.'),
  session_memory: gauge('Memory that a live session uses now.', 'bytes'),
  session_memory_max: gauge('The cap on the memory of a live session, where it has one.', 'bytes'),
  session_cpu: counter('CPU time that a live session has used.', 'seconds'),
  session_processes: gauge('Processes of a live session now.'),
  spawns: counter('Sessions that were started.'),
  closes: counter('Sessions that were ended, by reason.'),
  close_failures: counter('Attempts to end a session that failed.'),
  processes_killed: counter('Processes that had to be killed to end their session.'),
  oom_kills: counter('Processes of ended sessions that the kernel had killed because memory ran out.'),
  shared_memory_left: counter(
    'Files in tmpfs and SysV segments that ended sessions have left, charged to their instance.',
    'bytes',
  ),
  segments_left: counter(
    'SysV segments that processes of ended sessions have left, with nobody attached.',
    'bytes',
  ),
  sweep_instances: counter('Dead instances that sweeps found, by what came of them.'),
  sweep_sessions: counter('Sessions that sweeps collected.'),
  sweep_processes: counter('Processes that sweeps ended.'),
  guard_deaths: counter('Guards that died and were replaced.'),
}

export type InstrumentName = keyof typeof INSTRUMENTS

export const INSTRUMENT_NAMES = Object.keys(INSTRUMENTS) as InstrumentName[]
/** Those of one instance. */
export const OWN_NAMES: InstrumentName[] = INSTRUMENT_NAMES.filter((name) => name !== 'instances')

export const CLOSE_DURATION: Instrument = {
  kind: 'histogram',
  help: 'How long the ending of a session took, from its first step to the removal.',
  unit: 'seconds',
}
/** In seconds: from a kill to a grace time and a bound on killing that were both used up. */
export const CLOSE_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function prometheusName(name: string, { unit, kind }: Instrument): string {
  return ['corral', name, unit, kind === 'counter' && 'total'].filter(Boolean).join('_')
}

export type Labels = Readonly<Record<string, string>>

export interface Measurement {
  name: InstrumentName
  labels: Labels
  value: number
}
