// corral orphans: lists agents outside of sessions whose starter has gone; ends those that are named.
import { InvalidArgumentError } from '../common/errors.js'
import { json } from '../common/text.js'
import { matching } from '../orphans/agents.js'
import { type EndedOrphan, endOrphans, findOrphans, type Orphan, type Target } from '../orphans/orphans.js'
import { parseMilliseconds } from '../session/options.js'
import { bytes, duration } from './format.js'
import { cut, linesOf, type Outcome, table } from './output.js'

export interface OrphansOptions {
  root?: string
  match?: string
  kill?: string[]
  all: boolean
  grace: number
  json: boolean
}

const COMMAND_COLUMNS = 100
const HEADING = ['PID', 'PARENT', 'AGE', 'MEMORY', 'OWNER', 'COMMAND']
const HINT = 'Nothing was ended. To end unwanted ones, run: corral orphans --kill PID…'

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new InvalidArgumentError(`Invalid --match: expected a regular expression, got '${text}'`, {
      hint: (cause as Error).message,
      cause,
    })
  }
}

function parseTarget(text: string): Target {
  const [, pid, startTicks] = /^([1-9]\d{0,9})(?::(\d{1,15}))?$/.exec(text) ?? []
  if (pid === undefined)
    throw new InvalidArgumentError(`Invalid --kill: expected a pid or an id, got '${text}'`, {
      hint: 'Use the pid, or the id that `corral orphans --json` prints (PID:START)',
    })
  return { pid: Number(pid), ...(startTicks !== undefined && { startTicks: Number(startTicks) }) }
}

function row({ pid, ppid, ageMs, memoryBytes, memoryKind, owner, command }: Orphan): string[] {
  const memory = `${bytes(memoryBytes)} ${memoryKind}`
  return [String(pid), String(ppid), duration(ageMs), memory, owner, cut(command, COMMAND_COLUMNS)]
}

function list(search: Parameters<typeof findOrphans>[0], asJson: boolean): string[] {
  const found = findOrphans(search)
  if (asJson) return linesOf(json(found))
  if (found.length === 0) return ['no orphans']
  const [heading = '', ...rows] = table(HEADING, found.map(row))
  const reasons = found.map(({ orphan, why }) => `    ${orphan ? '' : 'not an orphan: '}${why}`)
  return [heading, ...rows.flatMap((line, at) => [line, reasons[at] ?? '']), '', HINT]
}

function tell({ pid, command, outcome, why }: EndedOrphan): string {
  const name = command === undefined ? `${pid}` : `${pid} ${cut(command, COMMAND_COLUMNS)}`
  return `${name}: ${outcome}${why === undefined ? '' : `: ${why}`}`
}

/** Status 1: one that was to be ended was not. */
export async function orphans(options: OrphansOptions): Promise<Outcome> {
  const { root, all, match } = options
  const search = { root, ...(match !== undefined && { likeness: matching(parsePattern(match)) }) }
  if (options.kill === undefined) return { lines: list({ ...search, all }, options.json), status: 0 }
  const targets = new Map(options.kill.map(parseTarget).map((target) => [target.pid, target]))
  const graceMs = parseMilliseconds('--grace', options.grace)
  const ended = await endOrphans([...targets.values()], { ...search, graceMs })
  return {
    lines: options.json ? linesOf(json(ended)) : ended.map(tell),
    status: ended.some(({ outcome }) => outcome === 'refused' || outcome === 'survived') ? 1 : 0,
  }
}
