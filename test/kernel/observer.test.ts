// Sessions seen and ended from outside of the instance that owns them.
import { once } from 'node:events'
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { InstanceView } from '../../src/backend/outside.js'
import type { Corral, Session } from '../../src/index.js'
import { loadNative } from '../../src/native/addon.js'
import { Observer } from '../../src/observe/observer.js'
import { eventually } from '../support/eventually.js'
import { line } from '../support/line.js'
import { openInPen } from '../support/open-in-pen.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

/** Lives until its input is closed. */
const cat = { command: 'cat', mode: 'persistent' } as const

const observe = (pen: Pen) => new Observer({ root: pen.path })

async function viewOf(pen: Pen, { id }: Corral): Promise<InstanceView | undefined> {
  return (await observe(pen).list()).find(({ instance }) => instance === id)
}

async function family(corral: Corral): Promise<Record<'mother' | 'child' | 'grandchild' | 'other', Session>> {
  return {
    mother: await corral.spawn({ ...cat, key: 'mother' }),
    child: await corral.spawn({ ...cat, key: 'child', parentKey: 'mother' }),
    grandchild: await corral.spawn({ ...cat, key: 'grandchild', parentKey: 'child' }),
    other: await corral.spawn({ ...cat, key: 'other' }),
  }
}

describe('the list', () => {
  test('is empty where there is no instance', async ({ pen }) => {
    expect(await observe(pen).list()).toEqual([])
    expect(await pen.groups()).toEqual([])
  })

  test('tells each instance, its owner and that it is alive', async ({ pen }) => {
    const [first, second] = [await openInPen(pen), await openInPen(pen)]
    const views = await observe(pen).list()
    expect(views.map(({ instance }) => instance).sort()).toEqual([first.id, second.id].sort())
    for (const view of views)
      expect(view).toEqual({
        backend: 'cgroup',
        instance: view.instance,
        path: join(pen.path, 'corral', view.instance),
        alive: true,
        pid: process.pid,
        command: expect.stringContaining(process.argv[0] ?? 'node'),
        sessions: [],
      })
  })

  test('tells as much of what a session uses as is asked for', async ({ pen }) => {
    const corral = await openInPen(pen)
    await corral.spawn({ ...cat, key: 'one' })
    const usage = async (detail: 'all' | 'gauges' | 'none') =>
      Object.keys((await observe(pen).list(detail))[0]?.sessions[0]?.group?.usage ?? {})
    const GAUGES = ['memoryBytes', 'memoryPeakBytes', 'memoryMaxBytes', 'cpuUserMs', 'cpuSystemMs']
    const all = await usage('all')
    expect((await usage('gauges')).sort()).toEqual(all.filter((name) => GAUGES.includes(name)).sort())
    expect(all).toContain('cpuUserMs')
    expect(await usage('none')).toEqual([])
  })

  test('tells of a session what it runs, how, and since when', async ({ pen }) => {
    const corral = await openInPen(pen)
    const before = Date.now() // timer: it is compared with another time
    const session = await corral.spawn({ command: 'sh', args: ['-c', 'cat; :'], key: 'talk' })
    await eventually('sh and cat run', () => session.members().length === 2)
    expect((await viewOf(pen, corral))?.sessions).toEqual([
      {
        key: 'talk',
        path: join(session.receipt.path, '..'),
        children: [],
        group: {
          path: session.receipt.path,
          mode: 'oneshot',
          command: 'sh -c cat; :',
          startedAt: expect.any(Number),
          processes: 2,
          usage: expect.objectContaining({ cpuUserMs: expect.any(Number) }),
        },
      },
    ])
    const startedAt = (await viewOf(pen, corral))?.sessions[0]?.group?.startedAt ?? 0
    // The kernel's clock for files is behind by up to a tick
    expect(startedAt).toBeGreaterThan(before - 50)
    expect(startedAt).toBeLessThanOrEqual(Date.now()) // timer: as above
  })

  test('is a tree, in which a parent need not be a session', async ({ pen }) => {
    const corral = await openInPen(pen)
    await corral.spawn({ ...cat, key: 'b', parentKey: 'a' })
    await corral.spawn({ ...cat, key: 'c', parentKey: 'b' })
    const [a, ...others] = (await viewOf(pen, corral))?.sessions ?? []
    expect(others).toEqual([])
    expect(a).toMatchObject({ key: 'a', children: [{ key: 'b', children: [{ key: 'c', children: [] }] }] })
    expect(a?.group).toBeUndefined()
    expect(a?.children[0]?.group?.processes).toBe(1)
  })

  // So many that several threads read them
  test('of hundreds has each in its place, also beside one that puts a NUL into its label', async ({
    pen,
  }) => {
    const sessions = join(pen.path, 'corral/i0000000abc/sessions')
    const names = Array.from({ length: 450 }, (_, number) => `s${1000 + number}`)
    const isSession = (number: number) => number % 15 !== 7
    const hasChild = (number: number) => number % 10 === 7
    for (const [number, name] of names.entries()) {
      mkdirSync(join(sessions, name, isSession(number) ? 'agent' : ''), { recursive: true })
      if (hasChild(number)) mkdirSync(join(sessions, name, 'child/agent/of-the-payload'), { recursive: true })
    }
    loadNative().setLabel(join(sessions, '..'), 'user.corral.pid', '1')
    loadNative().setLabel(join(sessions, 's1203/agent'), 'user.corral.mode', 'one\0shot\0\0')

    const view = (directory: string, key: string, session: boolean, children: object[]) => ({
      key,
      path: directory,
      ...(session && {
        group: expect.objectContaining({ path: join(directory, 'agent'), processes: 0, command: undefined }),
      }),
      children,
    })
    const expected = names.map((name, number) => {
      const directory = join(sessions, name)
      const children = hasChild(number) ? [view(join(directory, 'child'), 'child', true, [])] : []
      return view(directory, name, isSession(number), children)
    })
    const found = (await observe(pen).list())[0]?.sessions
    expect(found).toEqual(expected)
    expect(found?.filter(({ group }) => group?.mode !== undefined).map(({ group }) => group?.mode)).toEqual([
      'one',
    ])
    expect(await observe(pen).sweep({ dryRun: true })).toMatchObject({
      collected: [{ instance: 'i0000000abc', sessions: 420 + 45, processes: 0 }],
    })
  })

  test('has no session that is over', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'true' })
    await session.closed
    expect((await viewOf(pen, corral))?.sessions).toEqual([])
  })
})

describe('a kill from outside', () => {
  test('by key ends that session alone, which its owner closes and reports', async ({ pen }) => {
    const corral = await openInPen(pen)
    const { mother, child, grandchild, other } = await family(corral)
    const closings: string[] = []
    child.on('closing', (reason) => closings.push(reason))
    const told = once(corral, 'close')

    const killed = await observe(pen).kill({ keys: ['child'] }, 0)
    expect(killed).toEqual([{ instance: corral.id, key: 'child', path: child.receipt.path, killed: 1 }])
    expect(await child.closed).toMatchObject({
      key: 'child',
      parentKey: 'mother',
      reason: 'corral-kill',
      exitCode: null,
      signal: 'SIGKILL',
    })
    expect(await told).toEqual([child.report, child])
    expect(closings).toEqual(['corral-kill'])
    expect(child.state).toBe('removed')
    expect(corral.get('child')).toBeUndefined()
    for (const session of [mother, grandchild, other]) expect(session.state).toBe('running')
    expect(await pen.members()).toHaveLength(3)
  })

  test('by several keys ends those, and a key of nobody ends nothing', async ({ pen }) => {
    const corral = await openInPen(pen)
    const { mother, other } = await family(corral)
    const killed = await observe(pen).kill({ keys: ['mother', 'nobody', 'other'] }, 0)
    expect(killed.map(({ key }) => key).sort()).toEqual(['mother', 'other'])
    await Promise.all([mother.closed, other.closed])
    expect(await observe(pen).kill({ keys: ['nobody'] }, 0)).toEqual([])
    expect(await pen.members()).toHaveLength(2)
  })

  test('by parent ends all below it at any depth, and not the parent', async ({ pen }) => {
    const corral = await openInPen(pen)
    const { mother, child, grandchild, other } = await family(corral)
    const killed = await observe(pen).kill({ parent: 'mother' }, 0)
    expect(killed.map(({ key }) => key).sort()).toEqual(['child', 'grandchild'])
    for (const { closed } of [child, grandchild]) expect((await closed).reason).toBe('corral-kill')
    for (const session of [mother, other]) expect(session.state).toBe('running')
    expect((await pen.members()).sort()).toEqual([mother.process.pid, other.process.pid].sort())
  })

  test('by instance ends its sessions and not those of another, the same keys or not', async ({ pen }) => {
    const [first, second] = [await openInPen(pen), await openInPen(pen)]
    const doomed = await family(first)
    const spared = await family(second)
    const killed = await observe(pen).kill({ instance: first.id }, 0)
    expect(killed.map(({ instance }) => instance)).toEqual(Array(4).fill(first.id))
    await Promise.all(Object.values(doomed).map(({ closed }) => closed))
    for (const session of Object.values(spared)) expect(session.state).toBe('running')
    expect(await pen.members()).toHaveLength(4)
  })

  test('of all ends all, and the instances live on', async ({ pen }) => {
    const corrals = [await openInPen(pen), await openInPen(pen)]
    const sessions = (await Promise.all(corrals.map(family))).flatMap((members) => Object.values(members))
    expect(await observe(pen).kill({ all: true }, 0)).toHaveLength(8)
    for (const { closed } of sessions) expect((await closed).reason).toBe('corral-kill')
    expect(await pen.members()).toEqual([])
    for (const corral of corrals) {
      expect(corral.list()).toEqual([])
      await (await corral.spawn({ command: 'true', key: 'mother' })).closed
    }
  })

  test('with a grace time lets the processes end by themselves', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', 'trap "exit 7" TERM; echo ready; while :; do read line; done'],
      mode: 'persistent',
      key: 'polite',
    })
    if (session.process.stdout) await line(session.process.stdout, /^ready$/)
    expect(await observe(pen).kill({ keys: ['polite'] }, 1_000_000)).toMatchObject([{ killed: 0 }])
    expect(await session.closed).toMatchObject({ reason: 'corral-kill', exitCode: 7, killed: { count: 0 } })
  })

  test('ends what the leader left behind, and the owner closes that session too', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({
      command: 'sh',
      args: ['-c', 'sleep 1000 & :'],
      stdio: 'ignore',
      mode: 'persistent',
      key: 'left',
    })
    await session.process.exited
    expect(session.state).toBe('running')
    expect(await observe(pen).kill({ keys: ['left'] }, 0)).toMatchObject([{ killed: 1 }])
    expect(await pen.members()).toEqual([])
    await eventually('the owner closes the session', () => session.state === 'removed')
    expect(session.report?.reason).toBe('corral-kill')
  })

  test('removes what a payload made below its own group', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ ...cat, key: 'nest' })

    mkdirSync(join(session.receipt.path, 'a/b'), { recursive: true })
    await observe(pen).kill({ keys: ['nest'] }, 0)
    await session.closed
    expect((await pen.groups()).filter((group) => group.includes('nest'))).toEqual([])
  })
})

describe('a sweep from outside', () => {
  test('leaves the living alone', async ({ pen }) => {
    const corral = await openInPen(pen)
    await family(corral)
    expect(await observe(pen).sweep({ dryRun: false })).toEqual({
      collected: [],
      live: [corral.id],
      failed: [],
    })
    expect(await pen.members()).toHaveLength(4)
  })

  test('of an empty root does nothing', async ({ pen }) => {
    expect(await observe(pen).sweep({ dryRun: false })).toEqual({ collected: [], live: [], failed: [] })
    expect(await pen.groups()).toEqual([])
  })
})

test('an observer of a directory that is no root is refused', () => {
  expect(() => new Observer({ root: '/nowhere' })).toThrow(
    expect.objectContaining({ code: 'CORRAL_NO_ROOT', path: '/nowhere' }),
  )
})

test('where the root has gone, as a scope of systemd’s goes with the last in it, there is nothing', async ({
  pen,
}) => {
  const root = join(pen.path, 'scope')
  mkdirSync(root)
  const observer = new Observer({ root })
  rmdirSync(root)
  expect(await observer.list()).toEqual([])
  expect(await observer.sweep({ dryRun: false })).toEqual({ collected: [], live: [], failed: [] })
  expect(await observer.kill({ all: true }, 0)).toEqual([])
  expect(await observer.setLimits({ all: true }, { pidsMax: 5 }, { family: false })).toEqual([])
})
