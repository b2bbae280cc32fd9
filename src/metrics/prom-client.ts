// The metrics of a Corral in a registry of prom-client. They are objects that do what the registry asks of a metric, rather than
// of its own classes: so nothing is loaded, and what a session had goes with the session.

import { InvalidArgumentError } from '../common/errors.js'
import type { Corral } from '../session/corral.js'
import {
  CLOSE_BOUNDS,
  CLOSE_DURATION,
  INSTRUMENTS,
  type Instrument,
  type InstrumentName,
  type Labels,
  type Measurement,
  OWN_NAMES,
  prometheusName,
} from './instruments.js'
import type { MetricsOptions } from './options.js'
import { Tally } from './tally.js'

/** The part of a prom-client Registry that is used. Its own types exist only where it is installed. */
export interface PromRegistry {
  getSingleMetric(name: string): unknown
  registerMetric(metric: never): void
  removeSingleMetric(name: string): void
}

interface Value {
  metricName?: string
  labels: Labels
  value: number
}

function metricOf(short: string, instrument: Instrument, values: (name: string) => Value[]) {
  const name = prometheusName(short, instrument)
  const { kind: type, help } = instrument
  return {
    name, // a registry of OpenMetrics changes it
    type,
    async get() {
      return { name: this.name, help, type, aggregator: 'sum', values: values(name) }
    },
    reset: () => undefined, // what happened has happened
  }
}

/** How many were at most each bound. */
class Distribution {
  readonly #counts = CLOSE_BOUNDS.map((bound) => ({ bound, count: 0 }))
  #sum = 0
  #count = 0

  record(value: number): void {
    for (const one of this.#counts) if (value <= one.bound) one.count++
    this.#sum += value
    this.#count++
  }

  values(name: string): Value[] {
    const bucket = (bound: string, value: number) => ({
      metricName: `${name}_bucket`,
      labels: { le: bound },
      value,
    })
    return [
      ...this.#counts.map(({ bound, count }) => bucket(String(bound), count)),
      bucket('+Inf', this.#count),
      { metricName: `${name}_sum`, labels: {}, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, value: this.#count },
    ]
  }
}

/**
 * Registers the metrics of a Corral: its live sessions, and counts from this call on, with the sweep of openCorral(). A registry
 * takes one Corral. Returns a function that removes them.
 * @throws InvalidArgumentError for a wrong Corral, Registry or option, and when the registry already has one of the names.
 */
export function toPromClient(
  corral: Corral,
  registry: PromRegistry,
  options: MetricsOptions = {},
): () => void {
  if (typeof registry?.registerMetric !== 'function')
    throw new InvalidArgumentError('Invalid registry: expected a Registry of prom-client')
  const durations = new Distribution()
  let read: Measurement[] | undefined
  // The registry asks all its metrics in one go: they are of one reading
  const valuesOf = (wanted: InstrumentName) => {
    if (!read) queueMicrotask(() => (read = undefined))
    read ??= tally.read()
    return read.filter(({ name }) => name === wanted).map(({ labels, value }) => ({ labels, value }))
  }
  const metrics = [
    ...OWN_NAMES.map((name) => metricOf(name, INSTRUMENTS[name], () => valuesOf(name))),
    metricOf('close_duration', CLOSE_DURATION, (name) => durations.values(name)),
  ]
  const names = metrics.map(({ name }) => name)
  const taken = names.find((name) => registry.getSingleMetric(name))
  if (taken !== undefined)
    throw new InvalidArgumentError(`the registry has '${taken}' already`, {
      hint: 'Use a registry of its own for each Corral',
    })
  const tally = new Tally(corral, options, { perSession: true }, (seconds) => durations.record(seconds))
  for (const metric of metrics) registry.registerMetric(metric as never)
  return () => {
    tally.stop()
    for (const name of names) registry.removeSingleMetric(name)
  }
}
