// The text that `corral metrics` prints is what prom-client prints of the same.
import { Counter, Gauge, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { CONTENT_TYPE, exposition } from '../../../src/metrics/exposition.js'
import { INSTRUMENTS, type Labels, prometheusName } from '../../../src/metrics/instruments.js'
import { countModes, measureSession } from '../../../src/metrics/sessions.js'

const HOSTILE = ['"', '\\', '\n', '\\n', '\\"', '}', '{a="b"} 1', '# HELP', '\u00e4\u{1f600}', '', ' ', ',']

test('is that of prom-client, whatever the labels hold', async () => {
  const usage = { memoryBytes: 2 ** 53, memoryMaxBytes: 0, cpuUserMs: 1.5, cpuSystemMs: 1e-7 }
  const measured = [
    ...countModes(['oneshot', 'oneshot', undefined, 'evil"']),
    ...HOSTILE.flatMap((session) => measureSession(1, usage, { corral_instance: 'i1', session })),
  ]
  const registry = new Registry()
  for (const short of [
    'sessions',
    'session_memory',
    'session_memory_max',
    'session_cpu',
    'session_processes',
  ] as const) {
    const { help, kind } = INSTRUMENTS[short]
    const own = measured.filter(({ name }) => name === short)
    const labelNames = Object.keys(own[0]?.labels ?? {})
    const options = {
      name: prometheusName(short, INSTRUMENTS[short]),
      help,
      labelNames,
      registers: [registry],
    }
    if (kind === 'counter') {
      const counter = new Counter(options)
      for (const { labels, value } of own) counter.inc(labels as Labels, value)
    } else {
      const gauge = new Gauge(options)
      for (const { labels, value } of own) gauge.set(labels as Labels, value)
    }
  }
  // prom-client puts an empty line between two metrics
  expect(exposition(measured)).toBe((await registry.metrics()).replaceAll('\n\n', '\n'))
  expect(CONTENT_TYPE).toBe(registry.contentType)
})

test('counts modes that are none of ours as unknown, and tells what is not known not at all', () => {
  expect(exposition(countModes(['oneshot', 'x', undefined]))).toMatch(
    /\{mode="oneshot"\} 1\n.*\{mode="persistent"\} 0\n.*\{mode="unknown"\} 2\n$/,
  )
  expect(measureSession(3, {}, {})).toEqual([{ name: 'session_processes', labels: {}, value: 3 }])
})

test('every name is one of Prometheus, with its unit', () => {
  const names = Object.entries(INSTRUMENTS).map(([name, instrument]) => prometheusName(name, instrument))
  for (const name of names) expect(name).toMatch(/^corral_[a-z]+(_[a-z]+)*$/)
  for (const [name, { kind }] of Object.entries(INSTRUMENTS))
    expect(prometheusName(name, INSTRUMENTS[name as keyof typeof INSTRUMENTS]).endsWith('_total')).toBe(
      kind === 'counter',
    )
})
