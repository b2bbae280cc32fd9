// The ways in which sessions end. Each starts a payload, waits until all of it has said that it hides, ends it in its way,
// and looks that nothing is left: by the pens alone.
import { expect } from 'vitest'
import type { SessionReport } from '../../../src/index.js'
import { Gateway, nothingLeft, onlyOthersLeft, type Pens, type Session } from './gateway.js'
import type { Holder } from './holders.js'
import { commandOf, graceFor, type Leader, type Payload, settled } from './payload-table.js'

interface Place {
  pens: Pens
  holder: Holder
  payload: Payload
  /** Has the test skipped, for that reason. */
  skip: (reason: string) => never
}

type Ending = (place: Place) => Promise<void>

// The gateway
const ITSELF = 1

const bystander = (key: string): Session => ({ key, mode: 'persistent', command: 'sleep', args: ['1000'] })

type Placement = Omit<Session, 'command'>

const sessionOf = async (payload: Payload, leader: Leader, placement: Placement): Promise<Session> => ({
  ...placement,
  ...(await commandOf(payload, leader)),
})

/** Opens a gateway with these sessions; all that are to hide have. */
async function hide(
  { pens, holder, payload, skip }: Place,
  sessions: Session[],
  quiet: string[] = [],
): Promise<Gateway> {
  const gateway = await Gateway.open(pens, { holder, sessions, quiet })
  if (gateway.obstacle !== undefined) skip(gateway.obstacle)
  const hiding = sessions.map(({ key }) => key).filter((key) => !quiet.includes(key))
  expect([...gateway.hidden.keys()]).toEqual(hiding)
  const [persistent] = sessions.filter(({ key, mode }) => mode === 'persistent' && hiding.includes(key))
  const group = persistent && gateway.hidden.get(persistent.key)
  if (group !== undefined) await settled(payload, group)
  return gateway
}

const hideOne = async (place: Place, leader: Leader, mode: 'oneshot' | 'persistent') =>
  hide(place, [await sessionOf(place.payload, leader, { key: 'one', mode })])

/** One with a leader that stays, and a child of it whose leader has left. */
async function hideFamily(place: Place): Promise<Gateway> {
  const { payload } = place
  return hide(place, [
    await sessionOf(payload, 'stay', { key: 'parent', mode: 'persistent' }),
    await sessionOf(payload, 'leave', { key: 'child', parentKey: 'parent', mode: 'persistent' }),
  ])
}

/** What the reports say, that nobody but the gateway is there, and nothing at all once that has gone. */
async function expectEnded(place: Place, gateway: Gateway, others = 0): Promise<void> {
  await onlyOthersLeft(place.pens, ITSELF + others)
  await gateway.end()
  await nothingLeft(place)
}

function expectKilled(report: SessionReport, count: number | undefined): void {
  if (count !== undefined) expect(report.killed.count).toBe(count)
}

const withLeader = ({ hidden }: Payload) => (hidden === undefined ? undefined : hidden + 1)

export const SWEEP = 'a sweep after gateway and guard'

const endings: Record<string, Ending> = {
  'the end of a oneshot session': async (place) => {
    const gateway = await hideOne(place, 'leave', 'oneshot')
    const [report] = (await gateway.order('wait')) as [SessionReport]
    expect(report).toMatchObject({ exitCode: 0, signal: null })
    expectKilled(report, place.payload.hidden)
    await expectEnded(place, gateway)
  },

  'close at once': async (place) => {
    const gateway = await hideOne(place, 'stay', 'persistent')
    const [report] = (await gateway.order('close', { graceMs: 0 })) as [SessionReport]
    expectKilled(report, withLeader(place.payload))
    await expectEnded(place, gateway)
  },

  'close with a grace time': async (place) => {
    const gateway = await hideOne(place, 'stay', 'persistent')
    const [report] = (await gateway.order('close', { graceMs: graceFor(place.payload) })) as [SessionReport]
    expectKilled(report, place.payload.afterTerm)
    await expectEnded(place, gateway)
  },

  'close when the leader has left': async (place) => {
    const gateway = await hideOne(place, 'leave', 'persistent')
    await gateway.order('leave')
    const [report] = (await gateway.order('close', { graceMs: 0 })) as [SessionReport]
    expectKilled(report, place.payload.hidden)
    await expectEnded(place, gateway)
  },

  'reset of the parent': async (place) => {
    const { payload } = place
    const family = [
      bystander('parent'),
      bystander('stranger'),
      await sessionOf(payload, 'stay', { key: 'child', parentKey: 'parent', mode: 'persistent' }),
      await sessionOf(payload, 'leave', { key: 'grandchild', parentKey: 'child', mode: 'persistent' }),
    ]
    const gateway = await hide(place, family, ['parent', 'stranger'])
    const reports = (await gateway.order('reset', { key: 'parent', graceMs: 0 })) as SessionReport[]
    expect(reports.map(({ key }) => key).sort()).toEqual(['child', 'grandchild'])
    await expectEnded(place, gateway, 2)
  },

  'SIGKILL to the gateway': async (place) => {
    const gateway = await hideFamily(place)
    await gateway.kill()
    await nothingLeft(place)
  },

  [SWEEP]: async (place) => {
    const gateway = await hideFamily(place)
    await gateway.killBoth()
    const { pens, holder } = place
    expect([...(await pens.root.members()), ...(await pens.gateways.members())]).not.toEqual([])
    const next = await Gateway.open(pens, { holder, sweep: false })
    const [{ collected, failed }] = (await next.order('sweep')) as [Record<string, unknown>]
    expect({ collected, failed }).toMatchObject({ collected: [{ instance: gateway.instance }], failed: [] })
    await expectEnded(place, next)
  },
}

export const endingTable = Object.entries(endings)
