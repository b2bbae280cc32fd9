// A oneshot session ends when its leader does, and with it everything that the leader left behind.
import { once } from 'node:events'
import { describe, expect } from 'vitest'
import { basicTable, payloads } from '../../../chaos/escape/payload-table.js'
import { test } from '../../../support/pen-test.js'
import {
  expectKilled,
  expectNothingLeft,
  expectRemoved,
  hide,
  killMethods,
  openIn,
} from './session-in-pen.js'

describe.each(killMethods)('a oneshot session whose leader has left, kill method %s', (method) => {
  test.for(basicTable)('leaves nothing of %s', async ([, payload], { pen }) => {
    const corral = await openIn(pen, method)
    const session = await hide(corral, payload, 'leave', { mode: 'oneshot' })
    const report = await session.closed
    expect(report).toMatchObject({ exitCode: 0, signal: null })
    expectKilled(report, payload.hidden)
    await expectRemoved(session)
    await expectNothingLeft(pen, corral)
  })

  test('ends the output that a leftover held open', async ({ pen }) => {
    const corral = await openIn(pen, method)
    const session = await hide(corral, payloads['a process that holds stdout open'], 'leave')
    await once(session.process, 'close')
    await session.closed
  })
})
