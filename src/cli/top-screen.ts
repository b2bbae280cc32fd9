// What `corral top` shows: from its rows to the lines of a terminal.
import { userName } from '../linux/users.js'
import { bytes, duration } from './format.js'
import {
  cut,
  type Economy,
  fittingCells,
  joined,
  padded,
  type ScreenLine,
  type Span,
  type Style,
} from './output.js'
import { allOf, type ProcessSight, type Row, rowsOf, sum, type TopState } from './top-rows.js'

export interface Size {
  columns: number
  rows: number
}

const KEYS = '↑↓ choose · ⏎ processes · k kill · / filter · m c p o i t order · h help · q quit'
const HELP = [
  '↑ ↓ PgUp PgDn Home End   choose a session',
  'Enter                    its processes; Esc goes back',
  'k                        end it with all its processes, once that is confirmed',
  '/                        show those only that have a text in key or command; Esc shows all again',
  'm c p o i                most memory, CPU, processes, highest peak, most IO first',
  't                        the tree of families',
  'Ctrl-Z                   stop; fg in the shell goes on',
  'q Ctrl-C                 quit',
  '',
  '%CAP is memory of the cap, FAMILY the memory of all that is in a family, TREND memory at the last looks.',
]
const HEADING = [
  ...['SESSION', 'MODE', 'AGE', 'PROCS', 'CPU%', 'MEMORY', 'CAP', '%CAP', 'PEAK', 'FAMILY'],
  ...['READ/s', 'WRITE/s', 'TREND', 'COMMAND'],
]
const PROCESS_HEADING = ['PID', 'PPID', 'USER', 'STATE', 'THREADS', 'AGE', 'CPU%', 'TIME', 'RSS', 'COMMAND']
const CAP_COLUMN = '%CAP'
const ECONOMIES: Economy[] = [
  { column: 'COMMAND', least: 12 },
  { without: 'WRITE/s' },
  { without: 'READ/s' },
  { without: 'MODE' },
  { without: 'PEAK' },
  { without: 'FAMILY' },
  { column: 'SESSION', least: 20, middle: true },
  { without: 'AGE' },
  { without: 'TREND' },
  { without: 'CAP' },
  { without: 'COMMAND' },
  { without: CAP_COLUMN },
]
// As long as the longest that there is: the label is the session's to write
const MODE_COLUMNS = 'persistent'.length
// The line of totals, the heading, the last line, and where the terminal's cursor stands
const OTHER_LINES = 4
const BARS = [...'▁▂▃▄▅▆▇█']
const WARNING_PERCENT = 75
const BAD_PERCENT = 90

const percent = (value: number | undefined, digits = 1) => (value === undefined ? '-' : value.toFixed(digits))

/** Of what was highest, or of the cap where that is near. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 1)
  return values.map((value) => BARS[Math.round((value / most) * (BARS.length - 1))]).join('')
}

function cells({ session, family, ...row }: Row, { now, memory }: TopState): string[] {
  const { key, path, group } = session
  const name = '  '.repeat(row.depth) + (key ?? path)
  const familyMemory = family === undefined ? '' : bytes(family.memoryBytes)
  if (group === undefined) {
    const used = percent(family?.cpuPercent)
    const processes = family === undefined ? '' : String(family.processes)
    return [name, '(parent)', '', processes, used, '', '', '', '', familyMemory, '', '', '', '']
  }
  const { memoryBytes, memoryMaxBytes, memoryPeakBytes } = group.usage
  return [
    name,
    cut(group.mode ?? '-', MODE_COLUMNS),
    duration(now.at - group.startedAt),
    String(group.processes),
    percent(row.cpuPercent),
    bytes(memoryBytes),
    bytes(memoryMaxBytes),
    percent(row.capPercent, 0),
    bytes(memoryPeakBytes),
    familyMemory,
    bytes(row.readRate),
    bytes(row.writeRate),
    sparkline(memory.get(path) ?? []),
    group.command ?? '',
  ]
}

function capStyle(capPercent: number | undefined): Style | undefined {
  if (capPercent === undefined) return undefined
  if (capPercent >= BAD_PERCENT) return 'bad'
  return capPercent >= WARNING_PERCENT ? 'warning' : 'good'
}

const counted = (count: number, one: string, more = `${one}s`) => `${count} ${count === 1 ? one : more}`

function totals({ now, order, filter }: TopState, rows: Row[]): string {
  const groups = allOf(now).flatMap(({ group }) => group ?? [])
  const used = rows.flatMap(({ cpuPercent }) => cpuPercent ?? [])
  return [
    `${counted(groups.length, 'session')} of ${counted(now.instances.length, 'instance')}`,
    counted(sum(groups.map(({ processes }) => processes)), 'process', 'processes'),
    `${bytes(sum(groups.map(({ usage }) => usage.memoryBytes ?? 0)))} of memory`,
    used.length === 0 ? '' : `${sum(used).toFixed(1)} % of a CPU`,
    `by ${order}`,
    filter === '' ? '' : `with ${filter}`,
  ]
    .filter(Boolean)
    .join(' · ')
}

/** The first row to show, so that the chosen one is in sight and as much as possible is. */
function firstOf(count: number, chosen: number, room: number): number {
  return Math.max(0, Math.min(chosen - Math.floor(room / 2), count - room))
}

export const roomOf = ({ rows }: Size) => Math.max(1, rows - OTHER_LINES)

/** A line of the width of the terminal. */
function lineOf(text: string, columns: number, style?: Style): ScreenLine {
  return { text: padded(cut(text, columns), style === 'inverse' ? columns : 0), ...(style && { style }) }
}

/** The heading, and a line a row; what of the cap is used has a colour. */
export function sessionLines(state: TopState, rows: Row[], columns: number): ScreenLine[] {
  const fitted = fittingCells(
    HEADING,
    rows.map((row) => cells(row, state)),
    columns,
    ECONOMIES,
  )
  const capColumn = fitted[0]?.findIndex((name) => name.trim() === CAP_COLUMN) ?? -1
  return fitted.map((row, at) => {
    const text = joined(row)
    if (at === 0) return { text, style: 'bold' }
    const style = capStyle(rows[at - 1]?.capPercent)
    if (style === undefined || capColumn < 0) return { text }
    const before = `${joined(row.slice(0, capColumn), false)}  `
    const cap = row[capColumn] ?? ''
    const spans: Span[] = [
      { text: before },
      { text: cap, style },
      { text: text.slice(before.length + cap.length) },
    ]
    return { text, spans }
  })
}

function sessionsScreen(state: TopState, size: Size, columns: number): ScreenLine[] {
  const rows = rowsOf(state)
  const room = roomOf(size)
  const at = rows.findIndex(({ session }) => session.path === state.chosen)
  const first = firstOf(rows.length, at, room)
  const [heading, ...lines] = sessionLines(state, rows, columns)
  const shown = lines
    .slice(first, first + room)
    .map((line, index) => (first + index === at ? lineOf(line.text, columns, 'inverse') : line))
  const none = state.filter === '' ? 'no sessions' : `no sessions with ${state.filter}`
  return [
    lineOf(totals(state, rows), columns),
    ...(heading ? [heading] : []),
    ...(shown.length > 0 ? shown : [lineOf(none, columns)]),
  ]
}

function processCells({ now, before }: { now: ProcessSight; before: ProcessSight | undefined }): string[][] {
  const then = new Map(before?.processes.map(({ process }) => [process.pid, process]))
  return now.processes.map(({ depth, process }) => {
    const past = then.get(process.pid)
    const same = before && past && Math.abs(past.startedAt - process.startedAt) < 1000
    const used = same ? (100 * (process.cpuMs - past.cpuMs)) / Math.max(1, now.at - before.at) : undefined
    return [
      ...[String(process.pid), String(process.ppid), userName(process.uid), process.state],
      ...[String(process.threads), duration(now.at - process.startedAt), percent(used)],
      ...[duration(process.cpuMs), bytes(process.rssBytes), '  '.repeat(depth) + process.command],
    ]
  })
}

type ProcessesShown = Exclude<TopState['instead'], 'help' | undefined>

function processesScreen(shown: ProcessesShown, size: Size, columns: number): ScreenLine[] {
  const economies: Economy[] = [{ column: 'COMMAND', least: 20 }, { without: 'THREADS' }, { without: 'PPID' }]
  const [heading = [], ...rows] = fittingCells(PROCESS_HEADING, processCells(shown), columns, economies)
  const lines = rows.map((row) => ({ text: joined(row) }))
  return [
    lineOf(`${shown.name}: ${counted(rows.length, 'process', 'processes')}`, columns),
    { text: joined(heading), style: 'bold' },
    ...(lines.length > 0
      ? lines.slice(shown.first, shown.first + roomOf(size))
      : [lineOf('it is over', columns)]),
  ]
}

/** Lines that fit the terminal. */
export function screen(state: TopState, size: Size): ScreenLine[] {
  const columns = size.columns - 1
  const { instead, message } = state
  const last = (text: string) => lineOf(message ?? text, columns)
  if (instead === 'help')
    return [
      lineOf('corral top', columns, 'bold'),
      ...HELP.slice(0, size.rows - 2).map((line) => lineOf(line, columns)),
      last('any key goes back'),
    ]
  if (instead) return [...processesScreen(instead, size, columns), last('↑↓ scroll · Esc back · q quit')]
  return [...sessionsScreen(state, size, columns), last(KEYS)]
}
