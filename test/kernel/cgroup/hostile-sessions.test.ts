// Hostile keys as real sessions: each is found again under its key, below the directory of its instance, and gone
// after the end.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { SessionView } from '../../../src/backend/outside.js'
import { Observer } from '../../../src/observe/observer.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { hostileKeys, longKeys } from './hostile-keys.js'

/** `cat` lives until its input is closed. */
const living = { command: 'cat', mode: 'persistent' } as const

async function listed(pen: Pen): Promise<SessionView[]> {
  return (await new Observer({ root: pen.path }).list()).flatMap(({ sessions }) => sessions)
}

describe('a session with a hostile key', () => {
  const keys = Object.entries({ ...hostileKeys, ...longKeys })

  test.for(keys)('is listed under its key, alone, and removed: %s', async ([, key], { pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ ...living, key })
    const sessions = join(pen.path, 'corral', corral.id, 'sessions')

    expect((await listed(pen)).map((view) => view.key)).toEqual([key])
    expect(
      readdirSync(sessions, { withFileTypes: true }).filter((entry) => entry.isDirectory()),
    ).toHaveLength(1)
    expect(session.receipt.path.slice(sessions.length)).toMatch(/^\/[^/.]+\/agent$/)
    expect((await pen.groups()).sort()).toEqual([
      join(pen.path, 'corral'),
      join(pen.path, 'corral', corral.id),
      sessions,
      join(session.receipt.path, '..'),
      session.receipt.path,
      join(session.receipt.path, 'in'),
      join(pen.path, 'corral', corral.id, 'warden'),
    ])
    expect(await pen.members()).toEqual([session.process.pid])

    await session.close({ graceMs: 0 })
    expect(await pen.groups()).not.toContain(session.receipt.path)
    await corral.close()
    expect(await pen.groups()).toEqual([])
  })

  test('is ended from outside by that key', async ({ pen }) => {
    const corral = await openInPen(pen)
    const keys = ['..', 'a\nb', '%41', 'agent', '🐎', 'k'.repeat(4096), 'cgroup.procs']
    for (const key of keys) await corral.spawn({ ...living, key })
    const observer = new Observer({ root: pen.path })
    for (const key of keys)
      expect(await observer.kill({ keys: [key] }, 0)).toMatchObject([{ key, killed: 1 }])
    expect(await pen.members()).toEqual([])
  })

  test('lives beside all the others', async ({ pen }) => {
    const corral = await openInPen(pen)
    const all = keys.map(([, key]) => key)
    await Promise.all(all.map((key) => corral.spawn({ ...living, key })))
    expect((await listed(pen)).map((view) => view.key).sort()).toEqual([...all].sort())
    await corral.close({ graceMs: 0 })
    expect(await pen.groups()).toEqual([])
  })

  test('is child and parent of hostile keys', async ({ pen }) => {
    const corral = await openInPen(pen)
    await corral.spawn({ ...living, key: '..', parentKey: '/' })
    await corral.spawn({ ...living, key: 'agent', parentKey: '..' })
    await corral.spawn({ ...living, key: 'k'.repeat(4096), parentKey: 'agent' })
    expect(await listed(pen)).toMatchObject([
      {
        key: '/',
        children: [
          { key: '..', children: [{ key: 'agent', children: [{ key: 'k'.repeat(4096), children: [] }] }] },
        ],
      },
    ])
    expect(await corral.resetParent('/')).toHaveLength(3)
    expect(await listed(pen)).toEqual([])
  })
})
