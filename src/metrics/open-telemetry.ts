// The metrics of a Corral in a meter of OpenTelemetry, by @opentelemetry/api alone.

import { InvalidArgumentError } from '../common/errors.js'
import type { Corral } from '../session/corral.js'
import { CLOSE_BOUNDS, CLOSE_DURATION, INSTRUMENTS, type Instrument, OWN_NAMES } from './instruments.js'
import type { MetricsOptions } from './options.js'
import { Tally } from './tally.js'

interface Metadata {
  description?: string
  unit?: string
  advice?: { explicitBucketBoundaries?: number[] }
}

type Observe = (result: OtelResult) => void

interface OtelResult {
  observe(observable: object, value: number, attributes?: Record<string, string>): void
}

/** The part of an OpenTelemetry Meter that is used. Its own types exist only where it is installed. */
export interface OtelMeter {
  createHistogram(name: string, options?: Metadata): { record(value: number): void }
  createObservableCounter(name: string, options?: Metadata): object
  createObservableGauge(name: string, options?: Metadata): object
  addBatchObservableCallback(observe: Observe, observables: object[]): void
  removeBatchObservableCallback(observe: Observe, observables: object[]): void
}

// What Prometheus has in the name is metadata here
const nameOf = (name: string) => `corral.${name.replaceAll('_', '.')}`
const metadataOf = ({ help, unit }: Instrument) => ({
  description: help,
  ...(unit && { unit: unit === 'bytes' ? 'By' : 's' }),
})

/**
 * Has a meter observe the metrics of a Corral: its live sessions, and counts from this call on, with the sweep of openCorral().
 * Returns a function that stops it.
 *
 * `perSession` is false by default: the SDK for JavaScript keeps reporting series that are no longer observed (with cumulative
 * temporality), and accepts no new attributes after the first 2,000.
 * @throws InvalidArgumentError for a wrong Corral, Meter or option.
 */
export function toOpenTelemetry(corral: Corral, meter: OtelMeter, options: MetricsOptions = {}): () => void {
  if (typeof meter?.addBatchObservableCallback !== 'function')
    throw new InvalidArgumentError('Invalid meter: expected a Meter of OpenTelemetry')
  const tally = new Tally(corral, options, { perSession: false }, (seconds) => durations.record(seconds))
  const durations = meter.createHistogram(nameOf('close_duration'), {
    ...metadataOf(CLOSE_DURATION),
    advice: { explicitBucketBoundaries: CLOSE_BOUNDS },
  })
  const observables = new Map(
    OWN_NAMES.map((name) => {
      const create =
        INSTRUMENTS[name].kind === 'counter' ? 'createObservableCounter' : 'createObservableGauge'
      return [name, meter[create](nameOf(name), metadataOf(INSTRUMENTS[name]))]
    }),
  )
  const all = [...observables.values()]
  const observe: Observe = (result) => {
    for (const { name, labels, value } of tally.read()) {
      const observable = observables.get(name)
      if (observable) result.observe(observable, value, labels)
    }
  }
  meter.addBatchObservableCallback(observe, all)
  return () => {
    tally.stop()
    meter.removeBatchObservableCallback(observe, all)
  }
}
