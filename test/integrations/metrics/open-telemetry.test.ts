// The metrics of real sessions through the real SDK of OpenTelemetry.
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { expect, onTestFinished } from 'vitest'
import type { Corral } from '../../../src/index.js'
import { type MetricsOptions, toOpenTelemetry } from '../../../src/metrics/index.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const cat = { command: 'cat', mode: 'persistent' } as const

class Reader extends MetricReader {
  constructor(temporality: AggregationTemporality) {
    super({ aggregationTemporalitySelector: () => temporality })
  }

  protected override onForceFlush = async () => undefined
  protected override onShutdown = async () => undefined

  async read() {
    const { resourceMetrics, errors } = await this.collect()
    expect(errors).toEqual([])
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
    return new Map(metrics.map((metric) => [metric.descriptor.name, metric]))
  }

  /** The values of one, by its attributes. */
  async values(name: string): Promise<unknown[]> {
    const points = (await this.read()).get(name)?.dataPoints ?? []
    return points.map(({ attributes, value }) => [...Object.values(attributes), value])
  }
}

function observed(
  corral: Corral,
  options?: MetricsOptions,
  temporality = AggregationTemporality.CUMULATIVE,
): { reader: Reader; stop: () => void } {
  const reader = new Reader(temporality)
  const provider = new MeterProvider({ readers: [reader] })
  onTestFinished(() => provider.shutdown())
  return { reader, stop: toOpenTelemetry(corral, provider.getMeter('test'), options) }
}

test('what lives and what has happened is observed, with units', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { reader } = observed(corral)
  await corral.spawn(cat)
  const { closeMs } = await (await corral.spawn(cat)).close({ graceMs: 0 })
  expect(await reader.values('corral.sessions')).toEqual([
    ['oneshot', 0],
    ['persistent', 1],
  ])
  expect(await reader.values('corral.spawns')).toEqual([[2]])
  expect(await reader.values('corral.closes')).toContainEqual(['closed', 1])
  expect(await reader.values('corral.processes.killed')).toEqual([[1]])
  const all = await reader.read()
  expect(all.get('corral.closes')).toMatchObject({ dataPointType: DataPointType.SUM, isMonotonic: true })
  expect(all.get('corral.sessions')).toMatchObject({ dataPointType: DataPointType.GAUGE })
  expect(all.get('corral.close.duration')).toMatchObject({
    descriptor: { unit: 's', description: expect.stringContaining('ending of a session') },
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: [
      {
        value: {
          count: 1,
          sum: closeMs / 1000,
          buckets: { boundaries: expect.arrayContaining([0.005, 30]) },
        },
      },
    ],
  })
  expect([...all.keys()].filter((name) => name.startsWith('corral.session.'))).toEqual([])
})

// With the other temporality the SDK goes on telling what is not observed any more
test('perSession has each session observed as long as it lives', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { reader } = observed(corral, { perSession: true }, AggregationTemporality.DELTA)
  const session = await corral.spawn({ ...cat, key: 'one' })
  expect(await reader.values('corral.session.processes')).toEqual([['one', 1]])
  expect(await reader.values('corral.session.cpu')).toEqual([['one', expect.any(Number)]])
  expect((await reader.read()).get('corral.session.cpu')?.descriptor.unit).toBe('s')
  await session.close({ graceMs: 0 })
  expect(await reader.values('corral.session.processes')).toEqual([])
})

test('stopping ends it', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { reader, stop } = observed(corral)
  stop()
  await (await corral.spawn(cat)).close({ graceMs: 0 })
  expect((await reader.read()).size).toBe(0)
  expect(corral.eventNames()).toEqual([])
})

test('what is no meter is refused', async ({ pen }) => {
  const corral = await openInPen(pen)
  expect(() => toOpenTelemetry(corral, {} as never)).toThrow(/Meter of OpenTelemetry/)
  expect(corral.eventNames()).toEqual([])
})
