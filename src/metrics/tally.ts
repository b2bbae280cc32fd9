// What lives in a Corral, and what has happened in it since counting began.
import type { SweepReport } from '../backend/facts.js'
import { InvalidArgumentError, isSystemError } from '../common/errors.js'
import { SESSION_REASONS } from '../common/reasons.js'
import { Corral } from '../session/corral.js'
import type { SessionReport } from '../session/report.js'
import type { AnySession } from '../session/session.js'
import type { SessionNode } from '../session/tree.js'
import type { Measurement } from './instruments.js'
import { type MetricsOptions, parseOptions } from './options.js'
import { countModes, measureSession } from './sessions.js'

// Reasons are text of callers: without a bound each would be a series.
const OTHER = 'other'

function sessionsOf({ session, children }: SessionNode): AnySession[] {
  return [...(session ? [session] : []), ...children.flatMap(sessionsOf)]
}

/** Nothing of one that is being removed at this moment, or whose payload has shut its files. */
function measure(session: AnySession): Measurement[] {
  try {
    return measureSession(session.members().length, session.usage(), { session: session.key })
  } catch (error) {
    if (isSystemError(error)) return []
    throw error
  }
}

export class Tally {
  readonly #corral: Corral
  readonly #perSession: boolean
  readonly #closes: Map<string, number>
  readonly #swept = { collected: 0, failed: 0 }
  readonly #counts = {
    spawns: 0,
    close_failures: 0,
    processes_killed: 0,
    oom_kills: 0,
    shared_memory_left: 0,
    segments_left: 0,
    sweep_sessions: 0,
    sweep_processes: 0,
  }
  /** Ends the counting. */
  readonly stop: () => void

  /** `closed` is told how long each ending took. @throws InvalidArgumentError */
  constructor(
    corral: Corral,
    options: MetricsOptions,
    defaults: { perSession: boolean },
    closed: (seconds: number) => void,
  ) {
    if (!(corral instanceof Corral))
      throw new InvalidArgumentError('Invalid corral: expected what openCorral() returns')
    const { perSession, reasons } = parseOptions(options, defaults)
    this.#corral = corral
    this.#perSession = perSession
    this.#closes = new Map([...SESSION_REASONS, ...reasons, OTHER].map((reason) => [reason, 0]))
    if (corral.swept) this.#countSweep(corral.swept)
    const onSpawn = () => void this.#counts.spawns++
    const onStuck = () => void this.#counts.close_failures++
    const onSweep = (report: SweepReport) => this.#countSweep(report)
    const onClose = (report: SessionReport) => {
      this.#countClose(report)
      closed(report.closeMs / 1000)
    }
    corral.on('spawn', onSpawn).on('stuck', onStuck).on('sweep', onSweep).on('close', onClose)
    this.stop = () =>
      void corral.off('spawn', onSpawn).off('stuck', onStuck).off('sweep', onSweep).off('close', onClose)
  }

  read(): Measurement[] {
    const sessions = this.#corral.list().flatMap(sessionsOf)
    const counts = { ...this.#counts, guard_deaths: this.#corral.guard.deaths }
    return [
      ...countModes(sessions.map(({ mode }) => mode)),
      ...(this.#perSession ? sessions.flatMap(measure) : []),
      ...Object.entries(counts).map(([name, value]) => ({ name, labels: {}, value }) as Measurement),
      ...[...this.#closes].map(([reason, value]) => ({ name: 'closes' as const, labels: { reason }, value })),
      ...Object.entries(this.#swept).map(([result, value]) => ({
        name: 'sweep_instances' as const,
        labels: { result },
        value,
      })),
    ]
  }

  #countClose({ reason, killed, usage, segmentsLeft }: SessionReport): void {
    const known = this.#closes.has(reason) ? reason : OTHER
    this.#closes.set(known, (this.#closes.get(known) ?? 0) + 1)
    this.#counts.processes_killed += killed.count
    this.#counts.oom_kills += usage.oomKills ?? 0
    this.#counts.shared_memory_left += usage.sharedBytes ?? 0
    this.#counts.segments_left += segmentsLeft?.bytes ?? 0
  }

  #countSweep({ collected, failed }: SweepReport): void {
    this.#swept.collected += collected.length
    this.#swept.failed += failed.length
    for (const { sessions, processes } of collected) {
      this.#counts.sweep_sessions += sessions
      this.#counts.sweep_processes += processes
    }
  }
}
