// docs/metrics.md has all metrics, and no others.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CLOSE_DURATION, INSTRUMENTS, prometheusName } from '../../../src/metrics/instruments.js'

const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')

test('docs/metrics.md has each metric with its kind', () => {
  const told = [...page.matchAll(/^\| (`corral_.*?) \| (\w+) \|/gm)].flatMap(([, names = '', kind]) =>
    [...names.matchAll(/`(\w+)(?:\{\w+\})?`/g)].map(([, name]) => `${kind} ${name}`),
  )
  const there = Object.entries({ ...INSTRUMENTS, close_duration: CLOSE_DURATION })
  expect(told.toSorted()).toEqual(
    there.map(([name, instrument]) => `${instrument.kind} ${prometheusName(name, instrument)}`).toSorted(),
  )
})
