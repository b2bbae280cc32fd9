// The options of metrics, checked at the edge.
import { assertOptions, parseFlag, refuse } from '../session/options.js'

export interface MetricsOptions {
  /**
   * Whether each live session has series of its own, which go with it: memory, CPU time, processes. A few files are read for
   * each session each time. Default: true for prom-client, false for OpenTelemetry.
   */
  perSession?: boolean | undefined
  /** Your own reasons that are counted by name. What is neither one of these nor one of Corral's is `other`. */
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
