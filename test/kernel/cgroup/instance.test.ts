// Instances and their locks: dead ones are collected, live ones never.
import { expect } from 'vitest'
import { openCorral, type SweepReport } from '../../../src/index.js'
import { killBoth } from '../../support/kill-both.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const fixture = new URL('fixtures/gateway.mjs', import.meta.url).pathname

async function startGateway(pen: Pen, sessions: number) {
  // Outside of the pen, whose members are then those of the sessions
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, [fixture, pen.path, String(sessions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const id = await line(child.stdout, /^i[0-9a-f]+$/)
  return {
    id,
    /** And its guard, which would collect what it leaves. */
    die: () => killBoth(child, pen.path, id),
  }
}

test('what a dead gateway left is collected by the next one at its start', async ({ pen }) => {
  const gateway = await startGateway(pen, 3)
  expect(await pen.members()).toHaveLength(3)
  await gateway.die()
  expect(await pen.members()).toHaveLength(3)
  const corral = await openInPen(pen)
  expect(corral.swept).toMatchObject({ collected: [{ instance: gateway.id, sessions: 3, processes: 3 }] })
  expect(await pen.members()).toEqual([])
  expect((await pen.groups()).some((group) => group.includes(gateway.id))).toBe(false)
  expect(await corral.sweep()).toEqual({ collected: [], live: [corral.id], failed: [] })
})

test('a live gateway is never touched, whoever sweeps and how often', async ({ pen }) => {
  const gateway = await startGateway(pen, 2)
  try {
    const corral = await openInPen(pen)
    await corral.spawn({ command: 'sleep', args: ['1000'] })
    for (let round = 0; round < 5; round++) {
      const report = await corral.sweep()
      expect(report.collected).toEqual([])
      expect(report.live.sort()).toEqual([corral.id, gateway.id].sort())
    }
    expect(await pen.members()).toHaveLength(3)
  } finally {
    await gateway.die()
  }
  const corral = await openInPen(pen)
  expect(await corral.sweep()).toMatchObject({ failed: [] })
})

test('a dry run says what would be collected and collects nothing', async ({ pen }) => {
  const gateway = await startGateway(pen, 2)
  await gateway.die()
  const corral = await openInPen(pen, { sweep: false })
  expect(corral.swept).toBeUndefined()
  const told: SweepReport[] = []
  corral.on('sweep', (report) => told.push(report))
  const dry = await corral.sweep({ dryRun: true })
  expect(told).toEqual([])
  expect(dry.collected).toMatchObject([{ instance: gateway.id, sessions: 2, processes: 2 }])
  expect(await pen.members()).toHaveLength(2)
  expect((await corral.sweep()).collected).toEqual(dry.collected)
  expect(told).toHaveLength(1)
  expect(await pen.members()).toEqual([])
})

test('sweepers and creators at the same time trip over nobody: each dead instance is collected once', async ({
  pen,
}) => {
  const gateways = await Promise.all([1, 2, 3].map(() => startGateway(pen, 1)))
  await Promise.all(gateways.map((gateway) => gateway.die()))
  const swept = { sweep: false, root: pen.path }
  const corrals = await Promise.all(Array.from({ length: 8 }, () => openCorral(swept)))
  const reports = await Promise.all(corrals.map((corral) => corral.sweep()))
  const collected = reports.flatMap((report) => report.collected.map(({ instance }) => instance))
  expect(collected.sort()).toEqual(gateways.map(({ id }) => id).sort())
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
