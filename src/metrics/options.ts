// The options of metrics, checked at the edge.
import { assertOptions, parseFlag, refuse } from '../session/options.js'

export interface MetricsOptions {
  /**
   * Whether each live session has its own series (memory, CPU time, processes), which end with it. Each collection reads a few files for
   * each session. Default: true for prom-client, false for OpenTelemetry.
   */
  perSession?: boolean | undefined
  /** Your own reasons, to be counted by name. A reason that is neither yours nor Corral's counts as `other`. */
  reasons?: readonly string[] | undefined
}

const OPTIONS = new Set(['perSession', 'reasons'])

/** @throws InvalidArgumentError */
export function parseOptions(
  options: MetricsOptions,
  defaults: { perSession: boolean },
): { perSession: boolean; reasons: readonly string[] } {
  assertOptions(options, 'corral/metrics', OPTIONS)
  const { perSession = defaults.perSession, reasons = [] } = options
  if (!Array.isArray(reasons) || reasons.some((reason) => typeof reason !== 'string' || reason === ''))
    refuse('reasons', reasons, 'an array of strings')
  return { perSession: parseFlag('perSession', perSession), reasons }
}
