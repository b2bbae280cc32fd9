// The metrics of real sessions in a real registry of prom-client.
import { constants } from 'node:os'
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import { describe, expect, onTestFinished, vi } from 'vitest'
import { type Corral, KernelError } from '../../../src/index.js'
import { type MetricsOptions, toPromClient } from '../../../src/metrics/index.js'
import { orphan, running } from '../../cli/command-line.js'
import { controllersHere, MEMORY_V1, needing } from '../../support/controllers.js'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const cat = { command: 'cat', mode: 'persistent' } as const

function registered(corral: Corral, options?: MetricsOptions): Registry {
  const registry = new Registry()
  onTestFinished(toPromClient(corral, registry, options))
  return registry
}

/** The values of the series whose names begin so, by what follows that: their labels, or the rest of their names. */
async function values(registry: Registry, start: string): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith(start))
  const found = lines.map((line) => line.slice(start.length).split(/ (?=\S+$)/))
  const entries = found.map(([labels = '', value]) => [labels, Number(value)] as const)
  expect(new Set(entries.map(([labels]) => labels)).size).toBe(entries.length) // no series twice
  return Object.fromEntries(entries)
}

const value = async (registry: Registry, series: string) => (await values(registry, series))['']

const spinning = { command: 'sh', args: ['-c', 'while :; do :; done'] }

test('sessions are counted by mode, and each has its series as long as it lives', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  const session = await corral.spawn({ ...cat, ...spinning, key: 'a"b\\c\nd' })
  const child = await corral.spawn({
    command: 'sh',
    args: ['-c', 'cat; :'],
    key: 'child',
    parentKey: 'other',
  })
  await eventually('sh and cat run', () => child.members().length === 2)
  expect(await values(registry, 'corral_sessions')).toEqual({
    '{mode="oneshot"}': 1,
    '{mode="persistent"}': 1,
  })
  const escaped = '{session="a\\"b\\\\c\\nd"}'
  expect(await values(registry, 'corral_session_processes')).toEqual({ [escaped]: 1, '{session="child"}': 2 })
  const { memoryBytes } = session.usage()
  const used = ({ cpuUserMs = 0, cpuSystemMs = 0 } = session.usage()) => (cpuUserMs + cpuSystemMs) / 1000
  const before = await eventually('CPU time is counted', () => used()) // by some kernels in ticks
  const cpu = await values(registry, 'corral_session_cpu_seconds_total')
  expect(cpu[escaped]).toBeGreaterThanOrEqual(before)
  expect(cpu[escaped]).toBeLessThanOrEqual(used())
  const memory = await values(registry, 'corral_session_memory_bytes')
  expect(Object.keys(memory)).toEqual(memoryBytes === undefined ? [] : [escaped, '{session="child"}'])

  await session.close({ graceMs: 0 })
  expect(await values(registry, 'corral_sessions')).toEqual({
    '{mode="oneshot"}': 1,
    '{mode="persistent"}': 0,
  })
  expect((await registry.metrics()).match(/session="[^"]*"/g)).toEqual(
    Array(memoryBytes === undefined ? 2 : 3).fill('session="child"'),
  )
})

test('the cap on memory is told where there is one', async ({ pen }) => {
  const corral = await openInPen(pen, { enforcement: 'best-effort' })
  const registry = registered(corral)
  const session = await corral.spawn({ ...cat, key: 'capped', limits: { memoryMax: '1G' } })
  await corral.spawn({ ...cat, key: 'free' })
  const { memoryMaxBytes } = session.usage()
  expect(await values(registry, 'corral_session_memory_max_bytes')).toEqual(
    memoryMaxBytes === undefined ? {} : { '{session="capped"}': 2 ** 30 },
  )
})

test('endings are counted by reason, which is one of a set', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral, { reasons: ['timeout'] })
  const before = await values(registry, 'corral_closes_total')
  expect(new Set(Object.values(before))).toEqual(new Set([0])) // each is there before it happens
  await (await corral.spawn({ command: 'true' })).closed
  for (const reason of ['timeout', 'user 1 went', 'user 2 went'])
    await (await corral.spawn(cat)).close({ reason, graceMs: 0 })
  const after = await values(registry, 'corral_closes_total')
  expect(Object.keys(after)).toEqual(Object.keys(before))
  expect(Object.entries(after).filter(([, count]) => count > 0)).toEqual([
    ['{reason="oneshot-complete"}', 1],
    ['{reason="timeout"}', 1],
    ['{reason="other"}', 2],
  ])
  expect(await value(registry, 'corral_spawns_total')).toBe(4)
  expect(await value(registry, 'corral_processes_killed_total')).toBe(3)
  expect(await value(registry, 'corral_close_failures_total')).toBe(0)
})

test('failures to end a session, and deaths of the guard, are counted', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  corral.emit('stuck', new Error('it outlives all'), await corral.spawn(cat))
  expect(await value(registry, 'corral_close_failures_total')).toBe(1)
  const members = await pen.members()
  const [guard = 0] = (await pen.everybody()).filter((pid) => !members.includes(pid))
  expect(await value(registry, 'corral_guard_deaths_total')).toBe(0)
  process.kill(guard, 'SIGKILL')
  await eventually('the guard is replaced', () => corral.guard.alive && corral.guard.deaths === 1)
  expect(await value(registry, 'corral_guard_deaths_total')).toBe(1)
})

test('a session that cannot be read leaves the others as they are', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  const shut = await corral.spawn({ ...cat, key: 'shut' })
  await corral.spawn({ ...cat, key: 'open' })
  const refused = new KernelError('it cannot be read', { errno: -constants.errno.EACCES })
  vi.spyOn(shut, 'usage').mockImplementation(() => {
    throw refused
  })
  expect(await values(registry, 'corral_session_processes')).toEqual({ '{session="open"}': 1 })
  expect(await values(registry, 'corral_sessions')).toMatchObject({ '{mode="persistent"}': 2 })
})

test('the time that endings took is a histogram', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  const stubborn = await corral.spawn({
    command: 'sh',
    args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 1000; done'],
    mode: 'persistent',
  })
  await new Promise((resolve) => stubborn.process.stdout?.once('data', resolve))
  const reports = [
    await stubborn.close({ graceMs: 300 }),
    await (await corral.spawn(cat)).close({ graceMs: 0 }),
  ]
  const seconds = reports.map(({ closeMs }) => closeMs / 1000)
  expect(seconds[0]).toBeGreaterThanOrEqual(0.3)
  const buckets = Object.entries(await values(registry, 'corral_close_duration_seconds_bucket'))
  expect(buckets.at(-1)).toEqual(['{le="+Inf"}', 2])
  for (const [labels, count] of buckets.slice(0, -1)) {
    const bound = Number(/le="(.*)"/.exec(labels)?.[1])
    expect([bound, count]).toEqual([bound, seconds.filter((one) => one <= bound).length])
  }
  expect(await value(registry, 'corral_close_duration_seconds_count')).toBe(2)
  expect(await value(registry, 'corral_close_duration_seconds_sum')).toBeCloseTo(
    (seconds[0] ?? 0) + (seconds[1] ?? 0),
  )
})

test('the sweep of openCorral() is counted, and a dry run is not', async ({ pen }) => {
  const lost = async (key: string) =>
    orphan(await running(pen, ['--session', key], 'sleep 1000 & echo ready; wait'), pen)
  await lost('first')
  const corral = await openInPen(pen)
  const registry = registered(corral)
  await lost('second')
  const swept = async () => [
    await values(registry, 'corral_sweep_instances_total'),
    await value(registry, 'corral_sweep_sessions_total'),
    await value(registry, 'corral_sweep_processes_total'),
  ]
  expect((await corral.sweep({ dryRun: true })).collected).toHaveLength(1)
  expect(await swept()).toEqual([{ '{result="collected"}': 1, '{result="failed"}': 0 }, 1, 2])
  await corral.sweep()
  expect(await swept()).toEqual([{ '{result="collected"}': 2, '{result="failed"}': 0 }, 2, 4])
})

const capping = controllersHere().includes(MEMORY_V1) ? test : needing('memory')
capping('what the kernel kills because memory ran out is counted', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  const greedy = 'const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1))'
  const session = await corral.spawn({
    command: process.execPath,
    args: ['-e', greedy],
    limits: { memoryMax: '128M' },
  })
  const { usage } = await session.closed
  expect(await value(registry, 'corral_oom_kills_total')).toBe(usage.oomKills)
  expect(usage.oomKills).toBeGreaterThan(0)
  expect((await values(registry, 'corral_closes_total'))['{reason="memory-limit"}']).toBe(1)
})

test('all that a registry tells at once is of one reading', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  const list = vi.spyOn(corral, 'list')
  await registry.metrics()
  expect(list).toHaveBeenCalledTimes(1)
  await registry.getMetricsAsJSON()
  expect(list).toHaveBeenCalledTimes(2)
})

test('the registry tells them as JSON and by name, too, and resetting it resets none', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral)
  await corral.spawn(cat)
  registry.resetMetrics()
  expect(await registry.getSingleMetricAsString('corral_spawns_total')).toBe(
    '# HELP corral_spawns_total Sessions that were started.\n# TYPE corral_spawns_total counter\ncorral_spawns_total 1',
  )
  expect(await registry.getMetricsAsJSON()).toContainEqual(
    expect.objectContaining({
      name: 'corral_spawns_total',
      type: 'counter',
      values: [{ labels: {}, value: 1 }],
    }),
  )
})

test('a registry of OpenMetrics tells counters by its own rules', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  onTestFinished(toPromClient(corral, registry))
  for (const _ of ['first', 'second'])
    expect(await registry.metrics()).toMatch(
      /# TYPE corral_spawns counter\ncorral_spawns_total 0\n[\s\S]*# EOF\n$/,
    )
})

test('perSession: false leaves out what grows with sessions', async ({ pen }) => {
  const corral = await openInPen(pen)
  const registry = registered(corral, { perSession: false })
  await corral.spawn(cat)
  expect(await registry.metrics()).not.toContain('session=')
  expect(await values(registry, 'corral_sessions')).toMatchObject({ '{mode="persistent"}': 1 })
})

describe('a registry', () => {
  test('can be rid of them, and then hears nothing more', async ({ pen }) => {
    const corral = await openInPen(pen)
    const registry = new Registry()
    const own = new Counter({ name: 'own', help: 'own', registers: [registry] })
    const stop = toPromClient(corral, registry)
    own.inc()
    stop()
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['own'])
    expect(corral.eventNames()).toEqual([])
    toPromClient(corral, registry)() // and can have them again
  })

  test('that has a metric of such a name is left as it is', async ({ pen }) => {
    const corral = await openInPen(pen)
    const registry = new Registry()
    new Counter({ name: 'corral_closes_total', help: 'own', registers: [registry] })
    expect(() => toPromClient(corral, registry)).toThrow(
      expect.objectContaining({
        code: 'CORRAL_INVALID_ARGUMENT',
        message: expect.stringContaining("'corral_closes_total' already"),
      }),
    )
    expect(registry.getMetricsAsArray()).toHaveLength(1)
    expect(corral.eventNames()).toEqual([])
  })

  test('that is none, a Corral that is none, and options that mean nothing are refused', async ({ pen }) => {
    const corral = await openInPen(pen)
    const refused = (...args: unknown[]) =>
      expect(() => toPromClient(...(args as Parameters<typeof toPromClient>))).toThrow(
        expect.objectContaining({ code: 'CORRAL_INVALID_ARGUMENT' }),
      )
    refused(corral, {})
    refused(corral, undefined)
    refused({}, new Registry())
    refused(corral, new Registry(), null)
    refused(corral, new Registry(), { persession: true })
    refused(corral, new Registry(), { perSession: 1 })
    refused(corral, new Registry(), { reasons: 'timeout' })
    refused(corral, new Registry(), { reasons: [''] })
  })
})
