// docs/recipes/open-telemetry.mjs, with the real SDK.
import { SpanStatusCode } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, onTestFinished } from 'vitest'
import { spawnTraced } from '../../../docs/recipes/open-telemetry.mjs'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

function newTracer() {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  onTestFinished(() => provider.shutdown())
  return { tracer: provider.getTracer('test'), spans: () => exporter.getFinishedSpans() }
}

test('a span is as long as its session, and has its key and why it ended', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { tracer, spans } = newTracer()
  const session = await spawnTraced(corral, tracer, { command: 'sleep', args: ['1000'], key: 'traced' })
  expect(spans()).toEqual([])
  await session.close({ reason: 'cancelled', graceMs: 0 })
  await eventually('the span has ended', () => spans().length === 1)
  expect(spans()[0]).toMatchObject({
    name: 'session sleep',
    attributes: { 'corral.session.key': 'traced', 'corral.session.reason': 'cancelled' },
  })
})

test('a span of what cannot be started ends with the error', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { tracer, spans } = newTracer()
  await expect(spawnTraced(corral, tracer, { command: '/no/such/program' })).rejects.toMatchObject({
    code: 'CORRAL_SPAWN_FAILED',
  })
  expect(spans()).toMatchObject([{ status: { code: SpanStatusCode.ERROR }, events: [{ name: 'exception' }] }])
})
