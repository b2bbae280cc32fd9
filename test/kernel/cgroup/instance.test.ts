// Instances and their locks: dead ones are collected, live ones never.
import { expect } from 'vitest'
import { openCorral, type SweepReport } from '../../../src/index.js'
import { Gateway } from '../../support/gateway.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

/** Outside of the pen, whose members are then those of the sessions. */
async function startGateway(pen: Pen, sessions: number): Promise<Gateway> {
  const gateway = await Gateway.open(undefined, { root: pen.path })
  await gateway.sleepers(sessions)
  return gateway
}

test('what a dead gateway left is collected by the next one at its start', async ({ pen }) => {
  const gateway = await startGateway(pen, 3)
  expect(await pen.members()).toHaveLength(3)
  await gateway.killWithGuard(pen.path)
  expect(await pen.members()).toHaveLength(3)
  const corral = await openInPen(pen)
  expect(corral.swept).toMatchObject({
    collected: [{ instance: gateway.instance, sessions: 3, processes: 3 }],
  })
  expect(await pen.members()).toEqual([])
  expect((await pen.groups()).some((group) => group.includes(gateway.instance))).toBe(false)
  expect(await corral.sweep()).toEqual({ collected: [], live: [corral.id], failed: [] })
})

test('a live gateway is never touched, by any sweep, however often', async ({ pen }) => {
  const gateway = await startGateway(pen, 2)
  try {
    const corral = await openInPen(pen)
    await corral.spawn({ command: 'sleep', args: ['1000'] })
    for (let round = 0; round < 5; round++) {
      const report = await corral.sweep()
      expect(report.collected).toEqual([])
      expect(report.live.sort()).toEqual([corral.id, gateway.instance].sort())
    }
    expect(await pen.members()).toHaveLength(3)
  } finally {
    await gateway.killWithGuard(pen.path)
  }
  const corral = await openInPen(pen)
  expect(await corral.sweep()).toMatchObject({ failed: [] })
})

test('a dry run says what would be collected and collects nothing', async ({ pen }) => {
  const gateway = await startGateway(pen, 2)
  await gateway.killWithGuard(pen.path)
  const corral = await openInPen(pen, { sweep: false })
  expect(corral.swept).toBeUndefined()
  const told: SweepReport[] = []
  corral.on('sweep', (report) => told.push(report))
  const dry = await corral.sweep({ dryRun: true })
  expect(told).toEqual([])
  expect(dry.collected).toMatchObject([{ instance: gateway.instance, sessions: 2, processes: 2 }])
  expect(await pen.members()).toHaveLength(2)
  expect((await corral.sweep()).collected).toEqual(dry.collected)
  expect(told).toHaveLength(1)
  expect(await pen.members()).toEqual([])
})

test('sweepers and creators at the same time trip over nobody: each dead instance is collected once', async ({
  pen,
}) => {
  const gateways = await Promise.all([1, 2, 3].map(() => startGateway(pen, 1)))
  await Promise.all(gateways.map((gateway) => gateway.killWithGuard(pen.path)))
  const swept = { sweep: false, root: pen.path }
  const corrals = await Promise.all(Array.from({ length: 8 }, () => openCorral(swept)))
  const reports = await Promise.all(corrals.map((corral) => corral.sweep()))
  const collected = reports.flatMap((report) => report.collected.map(({ instance }) => instance))
  expect(collected.sort()).toEqual(gateways.map(({ instance }) => instance).sort())
  expect(reports.flatMap((report) => report.failed)).toEqual([])
  await Promise.all(corrals.map((corral) => corral.close()))
  expect(await pen.members()).toEqual([])
  expect(await pen.groups()).toEqual([])
})

test('instances that open and close at the same time leave nothing', async ({ pen }) => {
  for (let round = 0; round < 5; round++)
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const corral = await openCorral({ root: pen.path })
        await corral.close()
      }),
    )
  expect(await pen.groups()).toEqual([])
})
