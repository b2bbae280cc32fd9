// Resetting a parent ends all sessions that descend from it, at any depth, and nobody else.
import { describe, expect } from 'vitest'
import { basicTable } from '../../../chaos/escape/payload-table.js'
import { BACKEND } from '../../../support/backend.js'
import { test } from '../../../support/pen-test.js'
import {
  expectKilled,
  expectNothingLeft,
  expectRemoved,
  hide,
  killMethods,
  openIn,
} from './session-in-pen.js'

// Sessions have a group each, or none
const apart = basicTable.filter(([, { makesGroups }]) => BACKEND === 'cgroup' || !makesGroups)

describe.each(killMethods)('resetParent, kill method %s', (method) => {
  test.for(apart)('leaves nothing of a family of %s', async ([, payload], { pen }) => {
    const corral = await openIn(pen, method)
    const mode = 'persistent'
    const bystander = { command: 'sleep', args: ['1000'], mode } as const
    const parent = await corral.spawn({ ...bystander, key: 'parent' })
    const stranger = await corral.spawn({ ...bystander, key: 'stranger' })
    const child = await hide(corral, payload, 'stay', { key: 'child', parentKey: 'parent', mode })
    const grandchild = await hide(corral, payload, 'leave', { key: 'grandchild', parentKey: 'child', mode })

    const reports = await corral.resetParent('parent', { graceMs: 0 })

    const reported = new Map(reports.map((report) => [report.key, report]))
    expect([...reported.keys()].sort()).toEqual(['child', 'grandchild'])
    for (const session of [child, grandchild]) {
      const leaders = session === child ? 1 : 0
      const report = await session.closed
      expect(reported.get(session.key)).toEqual(report)
      expectKilled(report, payload.hidden === undefined ? undefined : payload.hidden + leaders)
      await expectRemoved(session)
    }
    const bystanders = [parent, stranger].map((session) => session.process.pid)
    expect((await pen.members()).sort()).toEqual(bystanders.sort())
    await Promise.all([parent.close({ graceMs: 0 }), stranger.close({ graceMs: 0 })])
    await expectNothingLeft(pen, corral)
  })
})
