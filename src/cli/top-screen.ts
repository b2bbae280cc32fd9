// What `corral top` shows: from what was seen of the sessions to the lines of a terminal.
import type { InstanceView, SessionView } from '../backend/outside.js'
import { bytes, duration } from './format.js'
import { cut, padded, type ScreenLine, table } from './output.js'

export const ORDERS = ['tree', 'memory', 'cpu', 'processes'] as const
export type Order = (typeof ORDERS)[number]

/** All instances at one moment. */
export interface Sight {
  /** Milliseconds since the epoch. */
  at: number
  instances: InstanceView[]
}

export interface TopState {
  now: Sight
  /** The sight before: CPU is what was used since. */
  before: Sight | undefined
  order: Order
  /** The path of the session that the cursor is on. */
  chosen: string | undefined
  /** The last line: a question or an outcome. */
  message: string | undefined
}

export interface Row {
  depth: number
  session: SessionView
  /** Of one CPU; undefined at first sight. */
  cpuPercent: number | undefined
}

const HEADING = ['SESSION', 'MODE', 'AGE', 'PROCS', 'CPU%', 'MEMORY', 'CAP', 'COMMAND']
const HELP = '↑↓ choose · k kill · m memory · c CPU · p processes · t tree · q quit'
// As long as the longest that there is: the label is the session's to write
const MODE_COLUMNS = 'persistent'.length
// The line of totals, the heading, the last line, and where the terminal's cursor stands
const OTHER_LINES = 4

const descend = (session: SessionView): SessionView[] => [session, ...session.children.flatMap(descend)]
const allOf = ({ instances }: Sight) => instances.flatMap(({ sessions }) => sessions.flatMap(descend))

function cpuMs({ group }: SessionView): number | undefined {
  const user = group?.usage.cpuUserMs
  return user === undefined ? undefined : user + (group?.usage.cpuSystemMs ?? 0)
}

function cpuPercent(session: SessionView, { now, before }: TopState, then?: SessionView): number | undefined {
  const [used, had] = [cpuMs(session), then && cpuMs(then)]
  if (used === undefined || had === undefined || before === undefined) return undefined
  return Math.max(0, (100 * (used - had)) / Math.max(1, now.at - before.at))
}

const measure: Record<Exclude<Order, 'tree'>, (row: Row) => number> = {
  memory: ({ session }) => session.group?.usage.memoryBytes ?? -1,
  cpu: (row) => row.cpuPercent ?? -1,
  processes: ({ session }) => session.group?.processes ?? -1,
}

/** In the order in which they are shown: a tree, or the sessions alone with the largest first. */
export function rowsOf(state: TopState): Row[] {
  const { now, before, order } = state
  const then = new Map((before ? allOf(before) : []).map((session) => [session.path, session]))
  const rows = (session: SessionView, depth: number): Row[] => [
    { depth, session, cpuPercent: cpuPercent(session, state, then.get(session.path)) },
    ...session.children.flatMap((child) => rows(child, depth + 1)),
  ]
  const tree = now.instances.flatMap(({ sessions }) => sessions.flatMap((session) => rows(session, 0)))
  if (order === 'tree') return tree
  return tree
    .filter(({ session }) => session.group !== undefined)
    .map((row) => ({ ...row, depth: 0 }))
    .toSorted((one, other) => measure[order](other) - measure[order](one))
}

function cells({ depth, session: { key, path, group }, cpuPercent }: Row, at: number): string[] {
  const name = '  '.repeat(depth) + (key ?? path)
  if (group === undefined) return [name, '(parent)', '', '', '', '', '', '']
  return [
    name,
    cut(group.mode ?? '-', MODE_COLUMNS),
    duration(at - group.startedAt),
    String(group.processes),
    cpuPercent === undefined ? '-' : cpuPercent.toFixed(1),
    bytes(group.usage.memoryBytes),
    bytes(group.usage.memoryMaxBytes),
    group.command ?? '',
  ]
}

const counted = (count: number, one: string, more = `${one}s`) => `${count} ${count === 1 ? one : more}`
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

function totals({ now, order }: TopState, rows: Row[]): string {
  const groups = allOf(now).flatMap(({ group }) => group ?? [])
  const used = rows.flatMap(({ cpuPercent }) => cpuPercent ?? [])
  return [
    `${counted(groups.length, 'session')} of ${counted(now.instances.length, 'instance')}`,
    counted(sum(groups.map(({ processes }) => processes)), 'process', 'processes'),
    `${bytes(sum(groups.map(({ usage }) => usage.memoryBytes ?? 0)))} of memory`,
    used.length === 0 ? '' : `${sum(used).toFixed(1)} % of a CPU`,
    `by ${order}`,
  ]
    .filter(Boolean)
    .join(' · ')
}

/** The first row to show, so that the chosen one is in sight and as much as possible is. */
function firstOf(rows: Row[], chosen: number, room: number): number {
  return Math.max(0, Math.min(chosen - Math.floor(room / 2), rows.length - room))
}

/** Lines that fit the terminal. */
export function screen(
  state: TopState,
  { columns, rows: height }: { columns: number; rows: number },
): ScreenLine[] {
  const rows = rowsOf(state)
  const room = Math.max(1, height - OTHER_LINES)
  const at = rows.findIndex(({ session }) => session.path === state.chosen)
  const first = firstOf(rows, at, room)
  const [heading = '', ...lines] = table(
    HEADING,
    rows.map((row) => cells(row, state.now.at)),
  )
  const lineOf = (text: string, style?: ScreenLine['style']): ScreenLine => ({
    text: padded(cut(text, columns - 1), style === 'inverse' ? columns - 1 : 0),
    ...(style && { style }),
  })
  const shown = lines
    .slice(first, first + room)
    .map((line, index) => (first + index === at ? lineOf(line, 'inverse') : lineOf(line)))
  return [
    lineOf(totals(state, rows)),
    lineOf(heading, 'bold'),
    ...(shown.length > 0 ? shown : [lineOf('no sessions')]),
    lineOf(state.message ?? HELP),
  ]
}
