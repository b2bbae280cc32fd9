// corral usage: what sessions used, by ledgers that were written as they ended.
import { createReadStream } from 'node:fs'
import { explained, InvalidArgumentError } from '../common/errors.js'
import { quote } from '../common/quote.js'
import { json } from '../common/text.js'
import { type ReadCounts, Reader } from '../ledger/read.js'
import { type Grouping, type Total, Totals } from '../ledger/totals.js'
import { bytes, duration } from './format.js'
import { cut, linesOf, type Outcome, table, terminalSize } from './output.js'

const CHUNK_BYTES = 1 << 20
const STDIN = '-'

const MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Milliseconds since the epoch: of a date, or of so long ago (`90m`, `12h`, `1d`, `2w`). @throws InvalidArgumentError */
function parseSince(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? []
  const then = amount === undefined ? Date.parse(text) : Date.now() - Number(amount) * (MS[unit] ?? 0)
  if (!Number.isNaN(then)) return then
  throw new InvalidArgumentError(
    `Invalid --since: expected a time such as 90m, 12h, 1d or 2w, or a date such as 2026-01-31, got ${quote(text)}`,
  )
}

/** In the order of a row. A `+` behind a number: it is not known of some of these sessions. */
function cells(name: string, total: Total): string[] {
  const { sessions, failed, measures, known } = total
  const shown = (measure: keyof typeof measures, written: (value: number) => string) => {
    const value = measures[measure]
    if (value === undefined) return '-'
    return written(value) + (known[measure] === sessions ? '' : '+')
  }
  const reasons = [...total.reasons].sort(([, one], [, other]) => other - one)
  return [
    name,
    String(sessions),
    String(failed),
    shown('wallMs', duration),
    shown('cpuUs', (us) => duration(us / 1000)),
    shown('memoryPeakBytes', bytes),
    shown('ioReadBytes', bytes),
    shown('ioWriteBytes', bytes),
    shown('killed', String),
    reasons.map(([reason, count]) => `${reason} ${count}`).join(', '),
  ]
}

const COLUMNS = ['SESSIONS', 'FAILED', 'TIME', 'CPU', 'PEAK', 'READ', 'WRITTEN', 'KILLED', 'ENDED']

/** What was passed over. */
function remarks({ doubles, unreadable }: ReadCounts): string[] {
  const lines = (count: number) => (count === 1 ? '1 line' : `${count} lines`)
  return [
    ...(unreadable > 0 ? [`${lines(unreadable)} passed over: cut, or not of a ledger`] : []),
    ...(doubles > 0 ? [`${lines(doubles)} passed over: of sessions that had one already`] : []),
  ]
}

function tableOf(totals: Totals, grouping: Grouping, counts: ReadCounts): string[] {
  const rows = totals.groups().map(([name, total]) => cells(name ?? '(none)', total))
  if (totals.others.sessions > 0) rows.push(cells('(others)', totals.others))
  if (rows.length > 1) rows.push(cells('(all)', totals.all))
  const heading = [grouping.toUpperCase(), ...COLUMNS]
  const fitting = (line: string) =>
    process.stdout.isTTY ? cut(line, terminalSize().columns).trimEnd() : line
  const lines = rows.length > 0 ? table(heading, rows).map(fitting) : ['no sessions']
  return [...lines, ...remarks(counts)]
}

/** What is not known of any is left out. */
function plain({ sessions, failed, reasons, measures, known }: Total) {
  return { sessions, failed, reasons: Object.fromEntries(reasons), ...measures, known }
}

function jsonOf(totals: Totals, grouping: Grouping, counts: ReadCounts): string {
  return json({
    by: grouping,
    groups: totals.groups().map(([name, total]) => ({ [grouping]: name, ...plain(total) })),
    ...(totals.others.sessions > 0 && { others: plain(totals.others) }),
    all: plain(totals.all),
    read: counts,
  })
}

/** @throws InvalidArgumentError, KernelError when a file cannot be read. */
export async function usage(
  files: string[],
  options: { since?: string; by: Grouping; json: boolean },
): Promise<Outcome> {
  const since = options.since === undefined ? undefined : parseSince(options.since)
  const totals = new Totals(options.by)
  const reader = new Reader((line) => {
    if (since === undefined || line.endedAt >= since) totals.add(line)
  })
  for (const file of files) {
    try {
      await reader.read(
        file === STDIN ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES }),
      )
    } catch (error) {
      throw explained(`the ledger ${file} cannot be read`, error)
    }
  }
  const { by } = options
  const lines = options.json ? linesOf(jsonOf(totals, by, reader.counts)) : tableOf(totals, by, reader.counts)
  return { lines, status: 0 }
}
