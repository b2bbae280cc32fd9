// What a mechanism has to write is little, and all of the API then works: shown by one that holds nothing but objects.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LimitHit } from '../../src/backend/facts.js'
import { KeyLiveError, LimitUnsupportedError, SpawnError, StuckError } from '../../src/common/errors.js'
import { Log } from '../../src/common/log.js'
import { Corral } from '../../src/session/corral.js'
import { parseOpenOptions } from '../../src/session/options.js'
import type { SessionReport } from '../../src/session/report.js'
import { MemoryBackend, type MemoryGroup } from './fourth-mechanism.js'

const MOST_LINES = 150

let backend: MemoryBackend
let corral: Corral

function open(enforcement: 'required' | 'best-effort' = 'best-effort'): void {
  backend = new MemoryBackend({}, enforcement)
  const plan = parseOpenOptions({ enforcement, killTimeoutMs: 100, graceMs: 0 }, () => 1e9)
  corral = new Corral(backend, plan, new Log(undefined))
}

function groupAt(path: string): MemoryGroup {
  const group = backend.groups.get(path)
  if (!group) throw new Error(`no group at ${path}: ${[...backend.groups.keys()]}`)
  return group
}

beforeEach(() => open())
afterEach(() => corral.close())

test('a mechanism takes at most 150 lines', () => {
  const source = readFileSync(fileURLToPath(new URL('fourth-mechanism.ts', import.meta.url)), 'utf8')
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(MOST_LINES)
})

describe('a mechanism in memory', () => {
  test('keys: one is live once, and free when its session is over', async () => {
    const session = await corral.spawn({ command: 'agent', key: 'one' })
    expect(session.receipt).toMatchObject({ backend: 'memory', path: '/one', createdInPlace: true })
    await expect(corral.spawn({ command: 'agent', key: 'one' })).rejects.toThrow(KeyLiveError)
    await session.close()
    await corral.spawn({ command: 'agent', key: 'one' })
  })

  test('families: a child is below its parent, and the parent need not be a session', async () => {
    await corral.spawn({ command: 'agent', key: 'child', parentKey: 'parent' })
    expect(groupAt('/parent/child').members()).toHaveLength(1)
    expect(corral.list()).toMatchObject([{ key: 'parent', children: [{ key: 'child' }] }])
  })

  test('reset: all below a parent are ended, and what is beside it is not', async () => {
    await corral.spawn({ command: 'agent', key: 'a', parentKey: 'parent' })
    await corral.spawn({ command: 'agent', key: 'b', parentKey: 'a' })
    const other = await corral.spawn({ command: 'agent', key: 'other' })
    const reports = await corral.resetParent('parent')
    expect(reports.map(({ key, reason }) => ({ key, reason }))).toEqual([
      { key: 'a', reason: 'parent-reset' },
      { key: 'b', reason: 'parent-reset' },
    ])
    expect(other.state).toBe('running')
  })

  test('close twice: one report', async () => {
    const session = await corral.spawn({ command: 'stubborn', key: 'one' })
    const [first, second] = await Promise.all([session.close({ graceMs: 10 }), session.close()])
    expect(second).toBe(first)
    expect(first).toMatchObject({ reason: 'closed', killed: { count: 1 }, signal: 'SIGKILL' })
    expect(await session.closed).toBe(first)
  })

  test('stuck: what outlives SIGKILL is named, and closing again tries again', async () => {
    const session = await corral.spawn({ command: 'immortal', key: 'one' })
    const told: Error[] = []
    session.on('stuck', (error) => told.push(error))
    await expect(session.close()).rejects.toThrow(StuckError)
    expect(session.state).toBe('stuck')
    expect(told).toHaveLength(1)
    groupAt('/one').processes[0]?.exit(0)
    await expect(session.close()).resolves.toMatchObject({ exitCode: 0 })
  })

  test('events: limits met, another that kills, and the close', async () => {
    const session = await corral.spawn({ command: 'agent', key: 'one' })
    const hits: LimitHit[] = []
    const closed: SessionReport[] = []
    session.on('limit', (hit) => hits.push(hit))
    corral.on('close', (report) => closed.push(report))
    const hit: LimitHit = { kind: 'pids-limit-hit', count: 3 }
    groupAt('/one').tell({ event: 'limit-hit', hit })
    groupAt('/one').word = { reason: 'corral-kill' }
    groupAt('/one').tell({ event: 'fate' })
    expect(await session.closed).toMatchObject({ reason: 'corral-kill' })
    expect(hits).toEqual([hit])
    expect(closed).toHaveLength(1)
  })

  test('events: memory that ran out ends the session, and the report says so', async () => {
    const session = await corral.spawn({ command: 'agent', key: 'one', mode: 'persistent' })
    const outOfMemory = { of: 'session', memoryMax: 10 } as const
    groupAt('/one').tell({ event: 'out-of-memory', found: outOfMemory })
    expect(await session.closed).toMatchObject({ reason: 'memory-limit', outOfMemory })
  })

  test('reports: a oneshot session is over with its leader, and says how that ended', async () => {
    const session = await corral.spawn({ command: 'agent', key: 'one', mode: 'oneshot' })
    await session.spawn('helper')
    expect(session.usage()).toEqual({ pids: 2 })
    groupAt('/one').processes[0]?.exit(3)
    expect(await session.closed).toMatchObject({
      reason: 'oneshot-complete',
      exitCode: 3,
      killed: { count: 1 },
    })
    expect(session.members()).toEqual([])
  })

  test('a command that cannot be started leaves the key free', async () => {
    await expect(corral.spawn({ command: 'missing', key: 'one' })).rejects.toThrow(SpawnError)
    await corral.spawn({ command: 'agent', key: 'one' })
  })

  test('wrap: the command line is as it was, where there is nothing to come into', async () => {
    const { command, args, session } = await corral.wrap('agent', ['--acp'], { key: 'one' })
    expect([command, ...args]).toEqual(['agent', '--acp'])
    await session.close()
  })

  test('limits refused: of a session, a family and all sessions, where they are required', async () => {
    open('required')
    const limits = { memoryMax: 1000 }
    await expect(corral.spawn({ command: 'agent', limits })).rejects.toThrow(LimitUnsupportedError)
    await expect(corral.setFamilyLimits('one', limits)).rejects.toThrow(LimitUnsupportedError)
    expect(() => corral.setLimits(limits)).toThrow(LimitUnsupportedError)
  })

  test('limits taken with best-effort: the receipt says that nothing holds them', async () => {
    const session = await corral.spawn({ command: 'agent', limits: { pidsMax: 10 } })
    expect(session.receipt.limits).toMatchObject([{ name: 'pidsMax', applied: null, enforcedBy: 'none' }])
  })
})
