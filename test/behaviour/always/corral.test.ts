// One instance: keys, families, resets, and its own end.
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import pino from 'pino'
import { describe, expect, onTestFinished } from 'vitest'
import { type Corral, openCorral, type Session, type SessionNode } from '../../../src/index.js'
import { inPen } from '../../support/backend.js'
import { differs } from '../../support/differences.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const sleeper = { command: 'sleep', args: ['1000'], mode: 'persistent' } as const
const outline = (nodes: SessionNode[]): unknown =>
  nodes.map(({ key, session, children }) => [session ? key : `(${key})`, outline(children)])
const spawnFamily = async (corral: Corral) => {
  await corral.spawn({ ...sleeper, key: 'child', parentKey: 'main' })
  await corral.spawn({ ...sleeper, key: 'grandchild', parentKey: 'child' })
  await corral.spawn({ ...sleeper, key: 'great-grandchild', parentKey: 'grandchild' })
  await corral.spawn({ ...sleeper, key: 'stranger' })
}

test('sessions stand in a tree of keys, and their directories in the same tree', async ({ pen }) => {
  const corral = await openInPen(pen)
  await spawnFamily(corral)
  expect(outline(corral.list())).toEqual([
    ['(main)', [['child', [['grandchild', [['great-grandchild', []]]]]]]],
    ['stranger', []],
  ])
  const place = differs('place', {
    cgroup: () => /\/sessions\/main\/child\/grandchild\/agent$/,
    subreaper: () => /^\/proc\/\d+$/,
    passthrough: () => /^$/,
  })
  expect(corral.get('grandchild')?.receipt.path).toMatch(place)
  expect(corral.get('main')).toBeUndefined()
})

test('resetParent() ends all descendants at any depth and nobody else', async ({ pen }) => {
  const corral = await openInPen(pen)
  await spawnFamily(corral)
  const reports = await corral.resetParent('main')
  expect(reports.map(({ key, reason }) => [key, reason]).sort()).toEqual([
    ['child', 'parent-reset'],
    ['grandchild', 'parent-reset'],
    ['great-grandchild', 'parent-reset'],
  ])
  expect(outline(corral.list())).toEqual([['stranger', []]])
  expect(await pen.members()).toEqual(corral.get('stranger')?.members())
  expect(await corral.resetParent('main')).toEqual([])
})

test('resetParent() leaves the parent alone unless it is asked to include it', async ({ pen }) => {
  const corral = await openInPen(pen)
  await spawnFamily(corral)
  await corral.resetParent('child')
  expect(outline(corral.list())).toEqual([
    ['(main)', [['child', []]]],
    ['stranger', []],
  ])
  const reports = await corral.resetParent('child', {
    includeParent: true,
    reason: 'gone',
    graceMs: 1_000_000,
  })
  expect(reports).toMatchObject([{ key: 'child', reason: 'gone', killed: { count: 0 } }])
})

test('a session that is being spawned when its family is reset is refused, and nothing of it is left', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  await corral.spawn({ ...sleeper, key: 'child', parentKey: 'main' })
  const late = corral.spawn({ ...sleeper, key: 'late', parentKey: 'child' }).catch((error: unknown) => error)
  const reset = corral.resetParent('main')
  const tooLate = corral.spawn({ ...sleeper, key: 'too-late', parentKey: 'child' })
  await expect(tooLate).rejects.toMatchObject({ code: 'CORRAL_CLOSING' })
  expect((await reset).map(({ key }) => key)).toEqual(['child'])
  expect(await late).toMatchObject({ code: 'CORRAL_CLOSING' })
  expect(await pen.members()).toEqual([])
  expect(corral.list()).toEqual([])
  // The door is open again once the reset is over
  await corral.spawn({ ...sleeper, key: 'late', parentKey: 'child' })
})

test('spawns and resets of one family in any order leave nothing behind', async ({ pen }) => {
  const corral = await openInPen(pen)
  for (let round = 0; round < 15; round++) {
    const spawns = Array.from({ length: 6 }, (_, index) =>
      corral.spawn({ ...sleeper, key: `s${index}`, parentKey: index % 2 ? 's0' : 'main' }),
    )
    const settled = Promise.allSettled(spawns)
    if (round % 3 === 0) await Promise.race(spawns.map((spawn) => spawn.catch(() => undefined)))
    await corral.resetParent('main')
    await settled
    await corral.resetParent('main')
    expect(await pen.members()).toEqual([])
    expect(corral.list()).toEqual([])
  }
})

test('a key is taken while its session lives or is being closed, and free afterwards', async ({ pen }) => {
  const corral = await openInPen(pen)
  const starting = corral.spawn({ ...sleeper, key: 'k' })
  await expect(corral.spawn({ ...sleeper, key: 'k' })).rejects.toMatchObject({ code: 'CORRAL_KEY_LIVE' })
  const closing = (await starting).close({ graceMs: 0 })
  await expect(corral.spawn({ ...sleeper, key: 'k' })).rejects.toMatchObject({ code: 'CORRAL_KEY_LIVE' })
  await closing
  await corral.spawn({ ...sleeper, key: 'k' })
})

test('a key that stands below one parent cannot be spawned below another', async ({ pen }) => {
  const corral = await openInPen(pen)
  await corral.spawn({ ...sleeper, key: 'child', parentKey: 'parent' })
  await expect(corral.spawn({ ...sleeper, key: 'parent', parentKey: 'elsewhere' })).rejects.toMatchObject({
    code: 'CORRAL_INVALID_ARGUMENT',
  })
  expect(outline(corral.list())).toEqual([['(parent)', [['child', []]]]])
  await corral.spawn({ ...sleeper, key: 'parent' }) // without a word on its parent it takes its place
  expect(outline(corral.list())).toEqual([['parent', [['child', []]]]])
})

test('a listener that throws is reported as uncaught, and disturbs no closing', async ({ pen }) => {
  const corral = await openInPen(pen)
  const uncaught: unknown[] = []
  const ours = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error.message))
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of ours) process.on('uncaughtException', listener)
  })
  corral.once('close', () => {
    throw new Error('from close')
  })
  const session = await corral.spawn({ ...sleeper, key: 'k' })
  session.process.on('exit', () => {
    throw new Error('from exit')
  })
  expect(await session.close({ graceMs: 0 })).toMatchObject({ signal: 'SIGKILL' })
  await corral.spawn({ ...sleeper, key: 'k' })
  expect(uncaught).toEqual(['from exit', 'from close'])
})

test('closing a session leaves its children alone', async ({ pen }) => {
  const corral = await openInPen(pen)
  await spawnFamily(corral)
  await corral.get('child')?.close({ graceMs: 0 })
  expect(outline(corral.list())).toEqual([
    ['(main)', [['(child)', [['grandchild', [['great-grandchild', []]]]]]]],
    ['stranger', []],
  ])
})

test('an AbortSignal closes its session, and an aborted one starts nothing', async ({ pen }) => {
  const corral = await openInPen(pen)
  const controller = new AbortController()
  const session = await corral.spawn({ ...sleeper, signal: controller.signal })
  controller.abort()
  expect(await session.closed).toMatchObject({ reason: 'aborted' })
  await expect(corral.spawn({ ...sleeper, signal: controller.signal })).rejects.toThrow(/aborted/)

  const during = new AbortController()
  const starting = corral.spawn({ ...sleeper, signal: during.signal })
  during.abort()
  await expect(starting).rejects.toThrow(/aborted/)
  expect(await pen.members()).toEqual([])
})

test('close() ends everything, refuses what comes later, and takes the instance away', async ({ pen }) => {
  const corral = await openInPen(pen)
  await spawnFamily(corral)
  const starting = corral.spawn(sleeper).catch((error: unknown) => error)
  const closing = corral.close({ graceMs: 0 })
  await expect(corral.spawn(sleeper)).rejects.toMatchObject({ code: 'CORRAL_CLOSING' })
  expect((await closing).every(({ reason }) => reason === 'corral-closed')).toBe(true)
  expect(await starting).toMatchObject({ code: 'CORRAL_CLOSING' })
  expect(await corral.close()).toBe(await closing)
  expect(await pen.members()).toEqual([])
  expect(await pen.groups()).toEqual([])
})

test('is closed at the end of an `await using` block', async ({ pen }) => {
  {
    await using corral = await openCorral({ ...inPen(pen), graceMs: 0 })
    await corral.spawn(sleeper)
  }
  expect(await pen.groups()).toEqual([])
})

test('tells of spawns and closes by events, on diagnostics channels, and to a logger', async ({ pen }) => {
  const lines = new PassThrough()
  const corral = await openInPen(pen, { logger: pino({ level: 'info' }, lines) })
  const published: string[] = []
  const listen = (_: unknown, name: string | symbol) => void published.push(String(name))
  for (const name of ['corral:spawn', 'corral:close']) channel(name).subscribe(listen)
  onTestFinished(() => {
    for (const name of ['corral:spawn', 'corral:close']) channel(name).unsubscribe(listen)
  })
  const spawned = once(corral, 'spawn')
  const closed = once(corral, 'close')
  const session = await corral.spawn({ key: 'told', command: 'true' })
  const report = await session.closed
  expect((await spawned)[0]).toBe(session)
  expect(await closed).toEqual([report, session])
  expect(published).toEqual(['corral:spawn', 'corral:close'])
  const messages = (await lines.end().toArray())
    .join('')
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
  expect(messages).toMatchObject([
    { msg: 'session spawned', key: 'told', corral: corral.id },
    { msg: 'session closed', key: 'told', reason: 'oneshot-complete' },
  ])
})

describe('an option that there is not, and null, is refused by', () => {
  const calls: Record<string, (corral: Corral, session: Session, options: never) => Promise<unknown>> = {
    'spawn()': (corral, _, options) => corral.spawn(options),
    'session.spawn()': (_, session, options) => session.spawn('true', [], options),
    'wrap()': (corral, _, options) => corral.wrap('true', [], options),
    'session.close()': (_, session, options) => session.close(options),
    'resetParent()': (corral, _, options) => corral.resetParent('nobody', options),
    'sweep()': (corral, _, options) => corral.sweep(options),
    'setLimits()': async (corral, _, options) => corral.setLimits(options),
    'session.setLimits()': async (_, session, options) => session.setLimits(options),
    'setFamilyLimits()': (corral, _, options) => corral.setFamilyLimits('nobody', options),
    'corral.close()': (corral, _, options) => corral.close(options),
  }

  test.for(Object.entries(calls))('%s', async ([, call], { pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'sleep', args: ['1000'] })
    const refused = { code: expect.stringMatching(/^CORRAL_INVALID_(ARGUMENT|LIMIT)$/) }
    for (const options of [null, 'words', new Map(), { gracems: 0 }, { dryrun: true }, { reason: '' }])
      await expect(call(corral, session, options as never)).rejects.toMatchObject(refused)
    expect([session.state, corral.list().length]).toEqual(['running', 1])
  })
})
