// Memory caps, by what happens at them: the session dies whole, nothing else does, and the report says whose cap it was.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import type { Corral, LimitHit, OpenOptions, SpawnOptions } from '../../../src/index.js'
import { compiled } from '../../support/compile-payload.js'
import { needing } from '../../support/controllers.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'

const test = needing('memory')
const MIB = 2 ** 20
const source = fileURLToPath(new URL('./payloads/memory.c', import.meta.url))

/** A session that uses so many MiB (0: without end), with a bystander beside it. */
async function using(corral: Corral, args: string[], options: Omit<SpawnOptions, 'command'> = {}) {
  return corral.spawn({ command: await compiled(source), args, ...options })
}

async function withBystander(pen: Pen, options?: OpenOptions) {
  const corral = await openInPen(pen, options)
  const bystander = await corral.spawn({ command: 'sleep', args: ['1000'], key: 'bystander' })
  return { corral, bystander }
}

describe('a session whose grandchild allocates without end', () => {
  test.for([
    ['with swap as it comes', {}],
    ['with swap forbidden', { swapMax: 0 }],
  ] as const)('is killed whole at its cap, %s, and nothing else is', async ([, swap], { pen }) => {
    const { corral, bystander } = await withBystander(pen)
    const limits = { memoryMax: '64M', ...swap }
    const session = await using(corral, ['0', 'in a grandchild'], { limits, key: 'greedy' })
    expect(session.receipt.limits[0]).toMatchObject({
      name: 'memoryMax',
      requested: 64 * MIB,
      applied: 64 * MIB,
      enforcedBy: 'cgroup',
      effective: 64 * MIB,
    })
    const hits: LimitHit[] = []
    corral.on('limit', (hit, { key }) => key === 'greedy' && hits.push(hit))

    const report = await session.closed

    expect(report).toMatchObject({
      reason: 'memory-limit',
      signal: 'SIGKILL',
      outOfMemory: { of: 'session', path: session.receipt.path, memoryMax: 64 * MIB },
      usage: { oomGroupKills: 1 },
    })
    expect(report.usage.oomKills).toBeGreaterThanOrEqual(1)
    expect(report.hits.map(({ kind }) => kind)).toContain('memory-limit')
    expect(hits.map(({ kind }) => kind)).toContain('memory-limit')
    if (report.usage.memoryPeakBytes !== undefined)
      expect(report.usage.memoryPeakBytes).toBeLessThanOrEqual(64 * MIB + MIB)
    expect(bystander.state).toBe('running')
    expect(await pen.members()).toEqual([bystander.process.pid])
  })

  test('is over when it is persistent, too', async ({ pen }) => {
    const { corral } = await withBystander(pen)
    const session = await using(corral, ['0'], {
      limits: { memoryMax: '32M', swapMax: 0 },
      mode: 'persistent',
    })
    expect(await session.closed).toMatchObject({ reason: 'memory-limit', mode: 'persistent' })
  })
})

describe('a cap above the sessions', () => {
  test('of the instance is met by sessions that each keep within their own, and the report names it', async ({
    pen,
  }) => {
    const { corral, bystander } = await withBystander(pen, { sessions: { memoryMax: '256M', swapMax: 0 } })
    expect(corral.limits()).toMatchObject([{ name: 'memoryMax', applied: 256 * MIB }, { name: 'swapMax' }])
    const limits = { memoryMax: '128M' }
    const sessions = []
    for (let index = 0; index < 8; index++)
      sessions.push(await using(corral, ['60'], { limits, key: `s${index}` }))

    const first = await Promise.race(sessions.map((session) => session.closed))

    expect(first).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'instance', memoryMax: 256 * MIB },
      usage: { oomGroupKills: 1 },
    })
    expect(bystander.state).toBe('running')
    expect((await corral.spawn({ command: 'true' }).then((session) => session.closed)).exitCode).toBe(0)
  })

  test('of the family is met by its sessions together, and no other is touched', async ({ pen }) => {
    const { corral, bystander } = await withBystander(pen)
    await corral.setFamilyLimits('mother', { memoryMax: '96M', swapMax: 0 })
    const first = await using(corral, ['60'], { key: 'a', parentKey: 'mother' })
    await line(first.process.stdout ?? neverThere(), /^has 60$/)
    const second = await using(corral, ['60'], { key: 'b', parentKey: 'mother' })
    expect(corral.familyLimits('mother')).toMatchObject([
      { name: 'memoryMax', requested: 96 * MIB, applied: 96 * MIB, effective: 96 * MIB },
      { name: 'swapMax', applied: 0 },
    ])
    const report = await Promise.race([first.closed, second.closed])
    expect(report).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'family', memoryMax: 96 * MIB },
    })
    expect(bystander.state).toBe('running')
  })

  test('shows in the receipts of those below it', async ({ pen }) => {
    const corral = await openInPen(pen, { sessions: { memoryMax: '256M', pidsMax: 1000 } })
    await corral.setFamilyLimits('mother', { memoryMax: '128M' })
    const { receipt } = await corral.spawn({
      command: 'sleep',
      args: ['1000'],
      parentKey: 'mother',
      limits: { memoryMax: '1G' },
    })
    expect(receipt.limits).toMatchObject([{ applied: 2 ** 30, effective: 128 * MIB }])
  })
})

describe('limits of a live session', () => {
  test('can be changed, lifted and read again; what is over a new cap is killed', async ({ pen }) => {
    const { corral } = await withBystander(pen)
    const session = await using(corral, ['60'], { limits: { memoryMax: '1G', swapMax: 0, cpuWeight: 50 } })
    await line(session.process.stdout ?? neverThere(), /^has 60$/)
    session.setLimits({ memoryMax: '512M', pidsMax: 7, cpuWeight: null })
    expect(session.receipt.limits.map(({ name, applied }) => [name, applied])).toEqual([
      ['memoryMax', 512 * MIB],
      ['swapMax', 0],
      ['pidsMax', 7],
    ])
    expect(() => session.setLimits({ memoryHigh: '1G' })).toThrow(/memoryHigh .* is above memoryMax/)
    expect(session.state).toBe('running')
    session.setLimits({ memoryMax: '16M' })
    expect(await session.closed).toMatchObject({ reason: 'memory-limit', outOfMemory: { of: 'session' } })
    expect(() => session.setLimits({ memoryMax: '1G' })).toThrow(/has ended/)
  })

  test('of a family hold for those to come, until they are lifted', async ({ pen }) => {
    const corral = await openInPen(pen)
    const sleeping = { command: 'sleep', args: ['1000'], parentKey: 'mother' }
    const first = await corral.spawn(sleeping)
    await corral.setFamilyLimits('mother', { pidsMax: 20 })
    expect(corral.familyLimits('mother')).toMatchObject([{ name: 'pidsMax', applied: 20 }])
    await first.close({ graceMs: 0 })
    expect(corral.familyLimits('mother')).toEqual([])
    await corral.spawn(sleeping)
    expect(corral.familyLimits('mother')).toMatchObject([{ name: 'pidsMax', applied: 20 }])
    await corral.setFamilyLimits('mother', { pidsMax: null })
    expect(corral.familyLimits('mother')).toEqual([])
  })
})

describe('a session that is held back at memoryHigh', () => {
  test('tells of it', async ({ pen }) => {
    const { corral } = await withBystander(pen)
    const hit = new Promise((resolve) => corral.once('limit', (...told) => resolve(told)))
    const session = await using(corral, ['60'], { limits: { memoryHigh: '16M', swapMax: 0 } })
    expect(await hit).toEqual([{ kind: 'memory-high', count: expect.any(Number) }, session])
    expect((await session.close({ graceMs: 0 })).hits).toMatchObject([{ kind: 'memory-high' }])
  })
})

function neverThere(): never {
  throw new Error('the session has no stdout')
}

describe('an out-of-memory kill', () => {
  test('is told as an event of the session’s end, once', async ({ pen }) => {
    const { corral } = await withBystander(pen)
    const closed = once(corral, 'close')
    await using(corral, ['0'], { limits: { memoryMax: '32M', swapMax: 0 } })
    expect((await closed)[0]).toMatchObject({ reason: 'memory-limit' })
  })
})
