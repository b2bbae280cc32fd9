// close() ends a session that would go on, at once or after a grace time, and then nothing of it is left.
import { describe, expect } from 'vitest'
import { basicTable, graceFor, payloads } from '../../../chaos/escape/payload-table.js'
import { test } from '../../../support/pen-test.js'
import {
  expectKilled,
  expectNothingLeft,
  expectRemoved,
  hide,
  killMethods,
  openIn,
} from './session-in-pen.js'

const persistent = { mode: 'persistent' } as const

describe.each(killMethods)('close, kill method %s', (method) => {
  describe('without a grace time', () => {
    test.for(basicTable)('leaves nothing of %s', async ([, payload], { pen }) => {
      const corral = await openIn(pen, method)
      const session = await hide(corral, payload, 'stay', persistent)
      const report = await session.close({ graceMs: 0 })
      expect(report.killed.count).toBeGreaterThan(0)
      expectKilled(report, payload.hidden === undefined ? undefined : payload.hidden + 1)
      await expectRemoved(session)
      await expectNothingLeft(pen, corral)
    })
  })

  describe('with a grace time', () => {
    test.for(basicTable)('leaves nothing of %s', async ([, payload], { pen }) => {
      const corral = await openIn(pen, method)
      const session = await hide(corral, payload, 'stay', persistent)
      const report = await session.close({ graceMs: graceFor(payload) })
      expectKilled(report, payload.afterTerm)
      await expectRemoved(session)
      await expectNothingLeft(pen, corral)
    })
  })

  describe('of a session whose leader has left', () => {
    test.for(basicTable)('leaves nothing of %s', async ([, payload], { pen }) => {
      const corral = await openIn(pen, method)
      const session = await hide(corral, payload, 'leave', persistent)
      expect(session.report).toBeUndefined()
      expectKilled(await session.close({ graceMs: 0 }), payload.hidden)
      await expectRemoved(session)
      await expectNothingLeft(pen, corral)
    })
  })

  test('does not wait for the grace time to pass once nobody is left', async ({ pen }) => {
    const corral = await openIn(pen, method)
    const session = await hide(corral, payloads['stopped processes'], 'stay', persistent)
    expectKilled(await session.close({ graceMs: 1_000_000 }), 0)
  })
})
