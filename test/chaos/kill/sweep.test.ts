// What a gateway leaves that was killed together with its guard is collected by the next instance, and by nobody as
// long as the gateway lives.
import { fileURLToPath } from 'node:url'
import { describe, expect, inject } from 'vitest'
import { expectNothingLeft, killMethods, openIn } from '../../behaviour/held/kill/session-in-pen.js'
import { killBoth } from '../../support/kill-both.js'
import { line } from '../../support/line.js'
import { makePen, type Pen } from '../../support/pen.js'
import { test as penTest } from '../../support/pen-test.js'
import { basicTable, commandOf, type Payload, payloads } from '../escape/payload-table.js'

const program = fileURLToPath(new URL('./fixtures/gateway.mjs', import.meta.url))

// The gateway has a pen of its own, beside the root of its sessions: it ends with the test, and is not
// counted with them.
const test = penTest.extend<{ gateways: Pen }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are needed
  gateways: async ({}, use) => {
    await using gateways = await makePen(inject('suiteRoot'), 'gateway')
    await use(gateways)
  },
})

async function openGateway(gateways: Pen, root: Pen, payload: Payload) {
  const { command, args } = await commandOf(payload, 'stay')
  const gateway = gateways.spawn(process.execPath, [program, root.path, command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (!gateway.stdout) throw new Error('the gateway has no stdout')
  const [, instance = ''] = (await line(gateway.stdout, /^open /)).split(' ')
  return {
    instance,
    kill: () => killBoth(gateway, root.path, instance),
  }
}

describe.each(killMethods)('the sweep after a gateway, kill method %s', (method) => {
  test.for(basicTable)('leaves nothing of %s', async ([, payload], { pen, gateways }) => {
    const gateway = await openGateway(gateways, pen, payload)
    await gateway.kill()
    const sweeper = await openIn(pen, method, { sweep: false })
    const { collected, failed } = await sweeper.sweep()
    expect(failed).toEqual([])
    expect(collected).toMatchObject([{ instance: gateway.instance }])
    if (payload.hidden !== undefined) expect(collected[0]?.processes).toBe(2 * (payload.hidden + 1))
    await expectNothingLeft(pen, sweeper)
  })

  test('is part of the next start', async ({ pen, gateways }) => {
    const gateway = await openGateway(gateways, pen, payloads['daemons of two forks'])
    await gateway.kill()
    expect(await pen.members()).not.toEqual([])
    const next = await openIn(pen, method)
    expect(await pen.members()).toEqual([])
    await expectNothingLeft(pen, next)
  })

  test('touches nothing of a gateway that lives', async ({ pen, gateways }) => {
    const gateway = await openGateway(gateways, pen, payloads['daemons of two forks'])
    const before = await pen.members()
    const sweeper = await openIn(pen, method, { sweep: false })
    const { collected, live } = await sweeper.sweep()
    expect(collected).toEqual([])
    expect(live).toContain(gateway.instance)
    expect(await pen.members()).toEqual(before)
  })
})
