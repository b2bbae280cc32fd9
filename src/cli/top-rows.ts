// The rows of `corral top`: from what was seen of the sessions to what is told of each, in the order and with the filter that was asked for.
import type { InstanceView, SessionView } from '../backend/outside.js'
import type { ProcessView } from '../observe/processes.js'

export const ORDERS = ['tree', 'memory', 'cpu', 'processes', 'peak', 'io'] as const
export type Order = (typeof ORDERS)[number]

/** All instances at one moment. */
export interface Sight {
  /** Milliseconds since the epoch. */
  at: number
  instances: InstanceView[]
}

/** The processes of one session at one moment. */
export interface ProcessSight {
  at: number
  processes: { depth: number; process: ProcessView }[]
}

export interface TopState {
  now: Sight
  /** The sight before: CPU and IO are what was used since. */
  before: Sight | undefined
  order: Order
  /** Only sessions whose key or command has this in it, and those that they were asked for by. */
  filter: string
  /** The path of the session that the cursor is on. */
  chosen: string | undefined
  /** The memory of each session at the last looks, by its path. */
  memory: ReadonlyMap<string, readonly number[]>
  /** What is shown in place of the sessions. */
  instead?: 'help' | { name: string; now: ProcessSight; before: ProcessSight | undefined; first: number }
  /** The last line: a question, an outcome, or what is being typed. */
  message: string | undefined
}

export interface Row {
  depth: number
  session: SessionView
  /** Of one CPU; undefined at first sight. */
  cpuPercent: number | undefined
  /** Bytes a second. */
  readRate: number | undefined
  writeRate: number | undefined
  /** Of the cap. */
  capPercent: number | undefined
  /** Of all that is in the family; undefined where there is nothing below it. */
  family: { processes: number; memoryBytes: number; cpuPercent: number | undefined } | undefined
}

export const descend = (session: SessionView): SessionView[] => [
  session,
  ...session.children.flatMap(descend),
]
export const allOf = ({ instances }: Sight) => instances.flatMap(({ sessions }) => sessions.flatMap(descend))
export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

type Counter = (session: SessionView) => number | undefined

const cpuMs: Counter = ({ group }) => {
  const user = group?.usage.cpuUserMs
  return user === undefined ? undefined : user + (group?.usage.cpuSystemMs ?? 0)
}
const ioRead: Counter = ({ group }) => group?.usage.ioReadBytes
const ioWritten: Counter = ({ group }) => group?.usage.ioWriteBytes

/** How much a counter grew in a ms since the sight before; undefined for who was not there. */
function rate(counter: Counter, session: SessionView, { now, before }: TopState, then?: SessionView) {
  const [used, had] = [counter(session), then && counter(then)]
  if (used === undefined || had === undefined || before === undefined) return undefined
  return Math.max(0, (used - had) / Math.max(1, now.at - before.at))
}

const times = (factor: number, value: number | undefined) =>
  value === undefined ? undefined : factor * value

const measure: Record<Exclude<Order, 'tree'>, (row: Row) => number> = {
  memory: ({ session }) => session.group?.usage.memoryBytes ?? -1,
  cpu: ({ cpuPercent }) => cpuPercent ?? -1,
  processes: ({ session }) => session.group?.processes ?? -1,
  peak: ({ session }) => session.group?.usage.memoryPeakBytes ?? -1,
  io: ({ readRate = -1, writeRate = -1 }) => readRate + writeRate,
}

function isMeant(session: SessionView, filter: string): boolean {
  const words = [session.key ?? session.path, session.group?.command ?? '']
  return words.some((text) => text.toLowerCase().includes(filter.toLowerCase()))
}

/** In the order in which they are shown: a tree, or the sessions alone with the largest first. */
export function rowsOf(state: TopState): Row[] {
  const { now, before, order, filter } = state
  const then = new Map((before ? allOf(before) : []).map((session) => [session.path, session]))
  const cpuOf = (session: SessionView) => times(100, rate(cpuMs, session, state, then.get(session.path)))
  const familyOf = (session: SessionView): Row['family'] => {
    if (session.children.length === 0) return undefined
    const all = descend(session)
    const groups = all.flatMap(({ group }) => group ?? [])
    const used = all.flatMap((one) => cpuOf(one) ?? [])
    return {
      processes: sum(groups.map(({ processes }) => processes)),
      memoryBytes: sum(groups.map(({ usage }) => usage.memoryBytes ?? 0)),
      cpuPercent: used.length === 0 ? undefined : sum(used),
    }
  }
  const rowOf = (session: SessionView, depth: number): Row => {
    const { memoryBytes, memoryMaxBytes } = session.group?.usage ?? {}
    const past = then.get(session.path)
    return {
      depth,
      session,
      cpuPercent: cpuOf(session),
      readRate: times(1000, rate(ioRead, session, state, past)),
      writeRate: times(1000, rate(ioWritten, session, state, past)),
      capPercent:
        memoryBytes === undefined || !memoryMaxBytes ? undefined : (100 * memoryBytes) / memoryMaxBytes,
      family: familyOf(session),
    }
  }
  const rows = (session: SessionView, depth: number): Row[] => {
    const below = session.children.flatMap((child) => rows(child, depth + 1))
    return below.length > 0 || isMeant(session, filter) ? [rowOf(session, depth), ...below] : []
  }
  const tree = now.instances.flatMap(({ sessions }) => sessions.flatMap((session) => rows(session, 0)))
  if (order === 'tree') return tree
  return tree
    .filter(({ session }) => session.group !== undefined && isMeant(session, filter))
    .map((row) => ({ ...row, depth: 0 }))
    .toSorted((one, other) => measure[order](other) - measure[order](one))
}
