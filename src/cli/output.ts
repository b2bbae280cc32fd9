// All that the commands print, on stdout and stderr, goes through here: line by line, each made printable. So whatever a session
// puts into its name, its labels or its command line, a terminal is told nothing by it.
import { writeSync } from 'node:fs'
import { eastAsianWidth } from 'get-east-asian-width'
import type { ForeignDirectory } from '../backend/facts.js'
import { CorralError, isSystemError } from '../common/errors.js'
import { limitHint } from '../common/resource-limits.js'
import { printable, stackLines } from '../common/text.js'

export type Style = 'bold' | 'dim' | 'inverse' | 'good' | 'warning' | 'bad'

/** A part of a line that looks otherwise, where there are colours. */
export interface Span {
  text: string
  style?: Style | undefined
}

/** A line, fields of one with a tab between each two, or its parts. */
export type Line = string | readonly string[] | { spans: readonly Span[] }

/** What a command has to say, a line each, and the exit status. */
export interface Outcome {
  lines: readonly Line[]
  /** On stderr: what could not be done, where the rest could. */
  errors?: readonly string[]
  status: number
}

const STYLES: Record<Style, string> = {
  ...{ bold: '\x1b[1m', dim: '\x1b[2m', inverse: '\x1b[7m' },
  ...{ good: '\x1b[32m', warning: '\x1b[33m', bad: '\x1b[1;31m' },
}
const PLAIN = '\x1b[0m'

function painted({ text, style }: Span, colours: boolean): string {
  return style && colours ? `${STYLES[style]}${printable(text)}${PLAIN}` : printable(text)
}

function shown(line: Line, colours: boolean): string {
  if (typeof line === 'string') return printable(line)
  if ('spans' in line) return line.spans.map((span) => painted(span, colours)).join('')
  return line.map(printable).join('\t')
}

const written = (lines: readonly Line[], colours = false) =>
  lines.map((line) => `${shown(line, colours)}\n`).join('')

/** A terminal that can do nothing but print lines. */
export const isDumb = () => process.env['TERM'] === 'dumb'

/** A terminal that can do more than print lines, in front of somebody. */
export function isLively(stream: { isTTY?: boolean }): boolean {
  return stream.isTTY === true && !isDumb() && !process.env['CI']
}

/** https://no-color.org: set, and not empty. */
export const hasColours = (stream: NodeJS.WriteStream): boolean =>
  isLively(stream) && !process.env['NO_COLOR']

/** What is not touched, and why. */
export const left = (others: readonly ForeignDirectory[]) =>
  others.map(({ path, why }) => `left ${path}: ${why}`)

export function print(lines: readonly Line[]): void {
  const output = openOutput()
  output.write(written(lines, hasColours(output)))
}

let opened: NodeJS.WriteStream | undefined

/** Not before there is something to say: Node makes a pipe non-blocking when it opens it, and `run` hands its own on. */
function openOutput(): NodeJS.WriteStream {
  // The reader may have had enough: corral ls | head
  opened ??= process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    process.stderr.write(`corral: cannot write to standard output: ${error.message}\n`)
    process.exitCode = 1
  })
  return opened
}

/** Of the terminal on stdout. One on a serial line, or of script(1), may say 0: then 80 × 24, for log-update too. */
export function terminalSize(): { columns: number; rows: number } {
  const { stdout } = process
  stdout.columns ||= 80
  stdout.rows ||= 24
  return { columns: stdout.columns, rows: stdout.rows }
}

/** To stderr. */
export function complain(lines: readonly string[]): void {
  process.stderr.write(written(lines))
}

/**
 * The same of a process that hands its stderr on: opened by Node, a pipe is non-blocking. What cannot be said is not worth an end
 * before the start.
 */
export function complainAtOnce(lines: readonly string[]): void {
  try {
    if (lines.length > 0) writeSync(2, written(lines))
  } catch (error) {
    if (!isSystemError(error)) throw error
  }
}

/** What was wrong; with the stack where it is neither an error of Corral's nor a limit that was reached, and so a defect. */
export function complainOf(error: unknown): void {
  const hint = isSystemError(error) && !(error instanceof CorralError) ? limitHint(error.errno) : undefined
  const known = hint !== undefined || error instanceof CorralError || error instanceof AggregateError
  const [first, ...others] =
    known || !(error instanceof Error) ? [inOptions(wordsOf(error))] : stackLines(error)
  complain([hint === undefined ? `corral: ${first}` : `corral: ${first}. ${hint}`, ...others])
}

// In the API they are properties. What stands in quotes is somebody's text, such as a key
const NAMES =
  /(?<!\w)'[^']*'|\b(?:memoryMax|memoryHigh|swapMax|pidsMax|cpuMax|cpuWeight|ioWeight|startTimeoutMs|drainMs|graceMs)\b/g

/** Errors name what a library was given; who types a command line has given options. */
export function inOptions(text: string): string {
  return text
    .replace("enforcement: 'best-effort' (--best-effort)", '--best-effort')
    .replace(NAMES, (found) => (found.startsWith("'") ? found : optionOf(found.replace(/Ms$/, ''))))
}

/** `memoryMax` is `--memory-max`. */
export const optionOf = (name: string) =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** A text of several lines of our own, with text of others' at most within a line. */
export const linesOf = (text: string) => text.replace(/\n$/, '').split('\n')

/** A line on a screen that is drawn again and again. */
export interface ScreenLine {
  text: string
  style?: Style
  /** Its parts, where they differ. */
  spans?: readonly Span[]
}

const TO_END_OF_LINE = '\x1b[K'
const TO_END_OF_SCREEN = '\x1b[J'
const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
// Synchronized output: a terminal that knows it shows what is between these in one step, others ignore it
const AT_ONCE = '\x1b[?2026h'
const AT_ONCE_OVER = '\x1b[?2026l'
const HOME = '\x1b[H'
const EMPTY = '\x1b[H\x1b[2J' // the cursor to the first line, and nothing on the screen
// The alternate screen (xterm's control sequences): what was in the terminal before is there again afterwards
const OTHER_SCREEN = '\x1b[?1049h'
const OWN_SCREEN = '\x1b[?1049l'

/** A whole terminal, until it is given back. */
export interface Screen {
  take(): void
  draw(lines: readonly ScreenLine[]): void
  /** The terminal has another size: it has wrapped what was drawn in a way of its own. */
  resized(): void
  giveBack(): void
}

/** Each line takes one row: top-screen.ts cuts them to the terminal's width and height. */
export function openScreen(): Screen {
  const { stdout } = process
  const colours = !process.env['NO_COLOR']
  const drawn = ({ text, style, spans }: ScreenLine) =>
    spans ? shown({ spans }, colours) : painted({ text, style }, colours || style === 'inverse')
  return {
    take: () => stdout.write(`${OTHER_SCREEN}${HIDE_CURSOR}${EMPTY}`),
    draw: (lines) => {
      const text = lines.map((line) => `${drawn(line)}${TO_END_OF_LINE}`).join('\n')
      stdout.write(`${AT_ONCE}${HIDE_CURSOR}${HOME}${text}${TO_END_OF_SCREEN}${AT_ONCE_OVER}`)
    },
    resized: () => stdout.write(EMPTY),
    giveBack: () => stdout.write(`${SHOW_CURSOR}${OWN_SCREEN}`),
  }
}

// Marks, and the vowels and finals of Hangul, stand in the column of what is before them
const NO_COLUMN = /[\p{Mn}\p{Me}\u{1160}-\u{11ff}\u{d7b0}-\u{d7ff}]/u

function columnsOfCharacter(character: string): number {
  return NO_COLUMN.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0)
}

/** How many columns of a terminal a printable text takes (wcwidth(3), Unicode Standard Annex 11). */
export function columnsOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let columns = 0
  for (const character of text) columns += columnsOfCharacter(character)
  return columns
}

/** As much of a text as fits. */
export function cut(text: string, columns: number): string {
  const shown = printable(text)
  if (columnsOf(shown) <= columns) return shown
  let [kept, taken] = ['', 0]
  for (const character of shown) {
    taken += columnsOfCharacter(character)
    if (taken > columns) break
    kept += character
  }
  return kept
}

/** In a terminal a line is a line. */
export const fitting = (line: string) =>
  process.stdout.isTTY ? cut(line, terminalSize().columns).trimEnd() : line

/** With blanks behind it, up to that width. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)))
}

/** Both ends of a text that is too long, or its beginning, with a mark where something is left out. */
export function shortened(text: string, columns: number, { middle = false } = {}): string {
  const all = printable(text)
  if (columnsOf(all) <= columns) return all
  if (columns < 1) return ''
  const tail = middle ? Math.floor((columns - 1) / 2) : 0
  return `${cut(all, columns - 1 - tail)}…${cutFront(all, tail)}`
}

/** As much of the end of a text as fits. */
function cutFront(text: string, columns: number): string {
  let [kept, taken] = ['', 0]
  for (const character of [...text].reverse()) {
    taken += columnsOfCharacter(character)
    if (taken > columns) break
    kept = character + kept
  }
  return kept
}

/** What a table does without where it is too wide, in this order: the end or the middle of cells, or whole columns. */
export type Economy = { column: string; least: number; middle?: boolean } | { without: string }

const GAP = 2

const widthsOf = (rows: readonly string[][], heading: readonly string[]) =>
  heading.map((name, column) =>
    rows.reduce(
      (widest, row) => (row.length === 1 ? widest : Math.max(widest, columnsOf(row[column] ?? ''))),
      columnsOf(name),
    ),
  )

/**
 * The heading and the rows, as far as they fit into so many columns of a terminal: cells that are padded, but the last of a row.
 * Lines of their own are cut.
 */
export function fittingCells(
  heading: readonly string[],
  rows: readonly string[][],
  columns: number,
  economies: readonly Economy[],
): string[][] {
  let [names, cells] = [[...heading], rows.map((row) => row.map(printable))]
  for (const economy of economies) {
    const widths = widthsOf(cells, names)
    const tooWide = widths.reduce((sum, width) => sum + width + GAP, -GAP) - columns
    if (tooWide <= 0) break
    const at = names.indexOf('without' in economy ? economy.without : economy.column)
    if ('without' in economy) {
      const kept = (row: string[]) => (row.length === 1 ? row : row.filter((_, column) => column !== at))
      ;[names, cells] = [kept(names), cells.map(kept)]
    } else {
      const width = Math.max(economy.least, (widths[at] ?? 0) - tooWide)
      for (const row of cells)
        if (row.length > 1) row[at] = shortened(row[at] ?? '', width, { middle: economy.middle ?? false })
    }
  }
  return inLine(names, cells).map((row) => (columnsOf(joined(row)) > columns ? cutRow(row, columns) : row))
}

/** What of a row is beyond the terminal's edge. */
function cutRow(row: string[], columns: number): string[] {
  let left = columns + GAP
  return row.flatMap((cell) => {
    const room = left - GAP
    left -= columnsOf(cell) + GAP
    return room > 0 ? [shortened(cell.trimEnd() === '' ? '' : cell, room)] : []
  })
}

export const fittingTable = (...table: Parameters<typeof fittingCells>): string[] =>
  fittingCells(...table).map((row) => joined(row))

/** Cells that were padded, as a line. */
export function joined(row: readonly string[], trimmed = true): string {
  const line = row.join(' '.repeat(GAP))
  return trimmed ? line.trimEnd() : line
}

/** All cells of a column, but the last, as wide as the widest. */
function inLine(heading: readonly string[], rows: readonly string[][]): string[][] {
  const widths = widthsOf(rows, heading)
  const isLast = (row: readonly string[], column: number) => column === row.length - 1
  return [heading, ...rows].map((row) =>
    row.map((cell, column) => (isLast(row, column) ? cell : padded(cell, widths[column] ?? 0))),
  )
}

/**
 * Rows under a heading, columns as wide as they need to be; the last column is not padded. A row of one cell is a line of its own,
 * for which no column is made wider.
 */
export function table(heading: string[], rows: string[][]): string[] {
  return inLine(
    heading,
    rows.map((row) => row.map(printable)),
  ).map((row) => joined(row))
}
