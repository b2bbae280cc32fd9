// A gateway of twenty sessions that is to be killed at any moment of what it does, and the processes and groups of a round.
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises' // timer: for elapse()
import { fileURLToPath } from 'node:url'
import { compiled } from '../../support/compile-payload.js'
import { type Begun, Gateway } from '../../support/gateway.js'
import type { Pens } from '../../support/pens.js'

const payload = fileURLToPath(new URL('./payloads/tree.c', import.meta.url))

// Long enough that a kill lands in it; the payload has one that no SIGTERM ends.
const GRACE_MS = 100
const FAMILIES = 4
// Five sessions a family: a head, two children of it, and a child of each.
const FAMILY = [['head'], ['left', 'head'], ['right', 'head'], ['left-most', 'left'], ['right-most', 'right']]

/** A session has as many, and a gateway so many sessions. */
export const PROCESSES = FAMILIES * FAMILY.length * 4

const keys = Array.from({ length: FAMILIES }, (_, family) =>
  FAMILY.map(([name]) => `${name} ${family}`),
).flat()

async function spawnAll(...pattern: string[]): Promise<unknown[]> {
  const options = {
    command: await compiled(payload),
    stdio: ['ignore', 'pipe', 'ignore'],
    mode: 'persistent',
  }
  const sessions = Array.from({ length: FAMILIES }, (_, family) =>
    FAMILY.map(([name, parent]) => ({
      ...options,
      key: `${name} ${family}`,
      ...(parent && { parentKey: `${parent} ${family}` }),
    })),
  ).flat()
  return ['all', ...sessions.map((session) => ['spawn', session, ...pattern])]
}

/** What a gateway is doing: an order. Before all but the first two, its sessions are in place. */
const phases = {
  open: () => [],
  spawn: () => spawnAll(),
  idle: () => ['idle'],
  'close sessions': () => ['all', ...keys.map((key) => ['close', key, { graceMs: GRACE_MS }])],
  'close corral': () => ['end', { graceMs: GRACE_MS }],
  'close at once': () => ['end', { graceMs: 0 }],
  reset: () => ['reset', 'head 0', { includeParent: true }],
  'reset politely': () => ['reset', 'head 0', { graceMs: GRACE_MS }],
  sweep: () => ['sweep'],
} satisfies Record<string, () => unknown[] | Promise<unknown[]>>

export type Phase = keyof typeof phases

export interface Doomed {
  gateway: Gateway
  /** What it was doing. */
  begun: Begun
}

/**
 * Starts one; resolves at the moment in which the phase begins. `placed` is called before, once its sessions are in place.
 */
export async function atPhase(
  pens: Pens,
  phase: Phase,
  { ledger, placed }: { ledger?: string; placed?: (gateway: Gateway) => Promise<void> } = {},
): Promise<Doomed> {
  const gateway = Gateway.start(pens.gateways)
  const options = { root: pens.root.path, sweep: phase !== 'sweep', ...(ledger !== undefined && { ledger }) }
  if (phase === 'open') return { gateway, begun: await gateway.begin('open', options) }
  await gateway.open(options)
  const [order, ...words] = (await phases[phase]()) as [string, ...unknown[]]
  if (phase !== 'spawn') {
    const [all, ...spawns] = (await spawnAll('^hidden$')) as [string, ...unknown[]]
    await gateway.ask(all, ...spawns)
  }
  await placed?.(gateway)
  return { gateway, begun: await gateway.begin(order, ...words) }
}

/** Resolves when it is reaped, and nobody has its stdout and stderr any more. */
export async function dead(gateway: Gateway): Promise<void> {
  await gateway.closedOutput
  if (gateway.errors) throw new Error(`the gateway wrote to stderr: ${gateway.errors}`)
}

export const instanceDirectory = ({ root }: Pens, { instance }: Gateway) =>
  join(root.path, 'corral', instance)

// A timer fires at whole milliseconds and late, and some phases last only a few.
const TIMER_SLACK_MS = 2

export async function elapse(ms: number): Promise<void> {
  const due = performance.now() + ms // timer: until a moment that was drawn
  if (ms > TIMER_SLACK_MS) await pause(ms - TIMER_SLACK_MS) // timer: as above
  while (performance.now() < due); // timer: as above
}
