// The ways in which sessions end. Each starts a program, waits until all of it has said that it hides, ends it in its way,
// and looks that nothing is left: by the pens alone.
import { once } from 'node:events'
import { expect } from 'vitest'
import { othersOf } from '../../../../src/backend/others.js'
import type { SessionReport, SpawnOptions } from '../../../../src/index.js'
import {
  commandOf,
  graceFor,
  HIDDEN_OR_NOT,
  type Leader,
  type Payload,
  settled,
} from '../../../chaos/escape/payload-table.js'
import { eventually } from '../../../support/eventually.js'
import type { Gateway, GatewayOptions, Orders, Spawned } from '../../../support/gateway.js'
import { line } from '../../../support/line.js'
import { describeAll } from '../../../support/pen.js'
import { nothingLeft, onlyLeft, type Pens } from '../../../support/pens.js'
import { openProcess } from './drivers.js'
import { type Holder, isAlone } from './holders.js'

export interface Place {
  pens: Pens
  holder: Holder
  payload: Payload
  /** Opens an instance as the driver does. */
  open(options?: GatewayOptions): Promise<Orders>
  /** How many processes the driver is itself. */
  itself: number
  /** Has the test skipped, for that reason. */
  skip: (reason: string) => never
}

export interface Ending {
  name: string
  /** Only where the gateway is a process of its own: that is what ends. */
  killsGateway?: boolean
  /** Whether there are two sessions of the program. */
  several?: boolean
  /** Only for these; default: all. */
  backend?: Holder['backend']
  run(place: Place): Promise<void>
}

type Placement = Omit<SpawnOptions, 'command' | 'args'>

/** Starts the program as a session, and waits until all of it hides. */
async function hide(
  { payload, skip }: Place,
  gateway: Orders,
  leader: Leader,
  placement: Placement = {},
): Promise<Spawned> {
  const options = { ...(await commandOf(payload, leader)), ...placement }
  const session = await gateway.spawn(options, HIDDEN_OR_NOT.source)
  if (session.said !== 'hidden') skip(session.said ?? 'it says nothing')
  if (leader === 'leave') await gateway.ask('exited', session.key)
  if (placement.mode !== 'oneshot') await settled(payload, () => `${session.receipt.path}/in`)
  return session
}

/** One with a leader that stays, and a child of it whose leader has left. How many processes these are, where that is known. */
async function hideFamily(place: Place, gateway: Orders): Promise<number | undefined> {
  const { holder, payload } = place
  await hide(place, gateway, 'stay', { key: 'parent' })
  const hasChild = !isAlone(holder, payload)
  if (hasChild) await hide(place, gateway, 'leave', { key: 'child', parentKey: 'parent' })
  return payload.hidden && (hasChild ? 2 : 1) * payload.hidden + 1
}

/** The groups that a program has made where no group is its session's are not for Corral to remove. */
async function expectNothingLeft({ pens, holder, payload }: Place): Promise<void> {
  await (isAlone(holder, payload) ? onlyLeft(pens, 0) : nothingLeft(pens))
}

/** Has the gateway wrap the program, starts that as anybody would, and waits until all of it hides. */
async function hideWrapped({ pens, payload, skip }: Place, gateway: Orders) {
  const { command, args } = await commandOf(payload, 'stay')
  const wrapped = await gateway.wrap([command, ...args])
  const child = pens.gateways.spawn(wrapped.command, wrapped.args, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error('no stdout')
  const exited = once(child, 'exit')
  const said = await line(child.stdout, HIDDEN_OR_NOT)
  if (said !== 'hidden') skip(said)
  return { ...wrapped, child, exited }
}

/** What the report says of the killed, for those whose number stands still. */
function expectKilled(report: SessionReport, count: number | undefined): void {
  if (count !== undefined) expect(report.killed.count).toBe(count)
}

const withLeader = ({ hidden }: Payload) => (hidden === undefined ? undefined : hidden + 1)

/** That nobody but the gateway and `others` is there, and nothing at all once that has gone. */
async function expectEnded(place: Place, gateway: Orders, others = 0): Promise<void> {
  await onlyLeft(place.pens, place.itself + others, { atOnce: true })
  await gateway.leave()
  await expectNothingLeft(place)
}

/** Kills what holds a session, and perhaps also who would end it then; its report says so, and nobody is left. */
async function expectLost(place: Place, others: (gateway: Gateway) => Promise<number[]>): Promise<void> {
  const gateway = await openProcess(place.pens, place.holder)
  const { key, receipt } = await hide(place, gateway, 'stay')
  expect(receipt.notHeld ?? []).toEqual(othersOf('subreaper'))
  const holder = Number(receipt.path.split('/').at(-1))
  const doomed = [...(await others(gateway)), holder]
  for (const pid of doomed) process.kill(pid, 'SIGKILL')
  const report = await gateway.closed(key)
  expect(report).toMatchObject({ reason: 'holder-killed', exitCode: null, signal: 'SIGKILL' })
  expect(report.notHeld).toBeUndefined()
  if (doomed.length > 1) await eventually('there is another keeper', () => gateway.guardEvents.length === 2) // and no part of its start
  // At once: but zombies are for whoever is now their parent to reap
  const left = await describeAll(await gateway.held())
  expect(left.filter((one) => !one.includes('[Z '))).toEqual([])
  await gateway.leave()
  await expectNothingLeft(place)
}

export const endings: readonly Ending[] = [
  {
    name: 'the end of a oneshot session',
    async run(place) {
      const gateway = await place.open()
      const { key } = await hide(place, gateway, 'leave', { mode: 'oneshot' })
      const report = await gateway.closed(key)
      expect(report).toMatchObject({ exitCode: 0, signal: null })
      expectKilled(report, place.payload.hidden)
      await expectEnded(place, gateway)
    },
  },
  {
    name: 'close at once',
    async run(place) {
      const gateway = await place.open()
      const { key } = await hide(place, gateway, 'stay')
      const report = await gateway.close(key, { graceMs: 0 })
      expect(report.killed.count).toBeGreaterThan(0)
      expectKilled(report, withLeader(place.payload))
      await expectEnded(place, gateway)
    },
  },
  {
    name: 'close with a grace time',
    async run(place) {
      const gateway = await place.open()
      const { key } = await hide(place, gateway, 'stay')
      expectKilled(await gateway.close(key, { graceMs: graceFor(place.payload) }), place.payload.afterTerm)
      await expectEnded(place, gateway)
    },
  },
  {
    name: 'close when the leader has left',
    async run(place) {
      const gateway = await place.open()
      const { key } = await hide(place, gateway, 'leave')
      expect(await gateway.ask('state', key)).toBe('running')
      expectKilled(await gateway.close(key, { graceMs: 0 }), place.payload.hidden)
      await expectEnded(place, gateway)
    },
  },
  {
    name: 'reset of the parent',
    several: true,
    async run(place) {
      const gateway = await place.open()
      for (const key of ['parent', 'stranger']) await gateway.spawn({ key, command: 'sleep', args: ['1000'] })
      await hide(place, gateway, 'stay', { key: 'child', parentKey: 'parent' })
      await hide(place, gateway, 'leave', { key: 'grandchild', parentKey: 'child' })
      const reports = await gateway.reset('parent', { graceMs: 0 })
      expect(reports.map(({ key }) => key).sort()).toEqual(['child', 'grandchild'])
      for (const report of reports) {
        expect(await gateway.closed(report.key)).toEqual(report)
        expectKilled(report, report.key === 'child' ? withLeader(place.payload) : place.payload.hidden)
      }
      await expectEnded(place, gateway, 2)
    },
  },
  {
    name: 'a sweep after gateway and guard',
    backend: 'cgroup',
    async run(place) {
      const { pens, holder } = place
      const dead = await openProcess(pens, holder)
      const processes = (await hideFamily(place, dead)) ?? expect.any(Number)
      await dead.killWithGuard(pens.root.path)
      expect(await pens.root.members()).not.toEqual([])
      const next = await place.open({ sweep: false })
      const { collected, failed } = await next.sweep()
      expect(failed).toEqual([])
      expect(collected).toMatchObject([{ instance: dead.instance, processes }])
      await expectEnded(place, next)
    },
  },
  {
    name: 'SIGKILL to the gateway',
    killsGateway: true,
    async run(place) {
      const gateway = await openProcess(place.pens, place.holder)
      await hideFamily(place, gateway)
      await gateway.kill()
      await expectNothingLeft(place)
    },
  },
  {
    name: 'SIGKILL to the gateway that wrapped it',
    killsGateway: true,
    async run(place) {
      const gateway = await openProcess(place.pens, place.holder)
      await hideWrapped(place, gateway)
      await gateway.kill()
      await expectNothingLeft(place)
    },
  },
  {
    name: 'SIGKILL to the process that stands for it',
    killsGateway: true,
    backend: 'subreaper',
    async run(place) {
      const gateway = await openProcess(place.pens, place.holder)
      const { key, child, exited } = await hideWrapped(place, gateway)
      child.kill('SIGKILL')
      await exited
      expect(await gateway.closed(key)).toMatchObject({ reason: 'oneshot-complete' })
      await expectEnded({ ...place, itself: 1 }, gateway)
    },
  },
  {
    name: 'SIGKILL to its holder',
    killsGateway: true,
    backend: 'subreaper',
    run: (place) => expectLost(place, async () => []),
  },
  {
    name: 'SIGKILL to its holder and the keeper',
    killsGateway: true,
    backend: 'subreaper',
    run: (place) => expectLost(place, async (gateway) => [await gateway.keeper()]),
  },
]
