// corral ls: all sessions below the root, as a tree.

import type { HoldingChoice } from '../backend/facts.js'
import type { GroupView, InstanceView, SessionView } from '../backend/outside.js'
import { json } from '../common/text.js'
import { Observer } from '../observe/observer.js'
import { bytes, duration } from './format.js'
import { cut, type Economy, fittingTable, left, linesOf, type Outcome, terminalSize } from './output.js'
import { formatted } from './template.js'

// Where there is no terminal to take the width of
const COMMAND_COLUMNS = 60
// As long as the longest that there is: the label is the session's to write
const MODE_COLUMNS = 'persistent'.length
const HEADING = ['SESSION', 'MODE', 'AGE', 'PROCS', 'MEMORY', 'PEAK', 'CAP', 'CPU', 'COMMAND']

function cpuMsOf({ usage }: GroupView): number | undefined {
  return usage.cpuUserMs === undefined ? undefined : usage.cpuUserMs + (usage.cpuSystemMs ?? 0)
}

function rows(session: SessionView, depth: number, now: number): string[][] {
  const name = '  '.repeat(depth) + (session.key ?? session.path)
  const { group } = session
  const usage = group?.usage
  const cpuMs = group && cpuMsOf(group)
  const own = group
    ? [
        cut(group.mode ?? '-', MODE_COLUMNS),
        duration(now - group.startedAt),
        String(group.processes),
        bytes(usage?.memoryBytes),
        bytes(usage?.memoryPeakBytes),
        bytes(usage?.memoryMaxBytes),
        cpuMs === undefined ? '-' : duration(cpuMs),
        process.stdout.isTTY ? (group.command ?? '') : cut(group.command ?? '', COMMAND_COLUMNS),
      ]
    : ['(parent)', '', '', '', '', '', '', '']
  return [[name, ...own], ...session.children.flatMap((child) => rows(child, depth + 1, now))]
}

/** A line of its own: the columns are for sessions. */
function heading({ instance, alive, pid, command }: InstanceView): string[] {
  const owner = `${alive ? 'pid' : 'dead: was pid'} ${pid ?? '?'}${command ? ` ${cut(command, COMMAND_COLUMNS)}` : ''}`
  return [`${instance} (${owner})`]
}

/** Those that no session has any more: corral.close() ends them, as do a guard and a sweep. */
function outsiders({ outside }: InstanceView): string[][] {
  if (outside === undefined) return []
  return [['  (in no session)', '', '', String(outside), '', '', '', '', '']]
}

// At 80 columns a session is still told by its key, its memory and its cap
const ECONOMIES: Economy[] = [
  { column: 'COMMAND', least: 16 },
  { without: 'PEAK' },
  { without: 'MODE' },
  { column: 'SESSION', least: 24, middle: true },
  { without: 'CPU' },
  { without: 'AGE' },
  { without: 'COMMAND' },
  { column: 'SESSION', least: 8, middle: true },
]

const FIELDS = [
  ...['key', 'parent', 'instance', 'backend', 'alive', 'pid', 'path', 'mode', 'startedAt', 'processes'],
  ...['memoryBytes', 'memoryPeakBytes', 'memoryMaxBytes', 'cpuMs', 'command'],
]

/** The sessions alone, for `--format`. */
function listed({ backend, instance, alive, pid, sessions }: InstanceView) {
  const below = (session: SessionView, parent: string | undefined): ReturnType<typeof one>[] => [
    ...(session.group ? [one(session, session.group, parent)] : []),
    ...session.children.flatMap((child) => below(child, session.key)),
  ]
  const one = ({ key }: SessionView, group: GroupView, parent: string | undefined) => {
    const { path, mode, startedAt, processes, command, usage } = group
    const { memoryBytes, memoryPeakBytes, memoryMaxBytes } = usage
    const owned = { key, parent, instance, backend, alive, pid, path, mode, startedAt, processes }
    return { ...owned, memoryBytes, memoryPeakBytes, memoryMaxBytes, cpuMs: cpuMsOf(group), command }
  }
  return sessions.flatMap((session) => below(session, undefined))
}

export interface LsOptions {
  root?: string
  backend: HoldingChoice
  quiet: boolean
  format?: string
  json: boolean
}

export async function ls({ quiet, format, json: asJson, ...options }: LsOptions): Promise<Outcome> {
  formatted(format, [], FIELDS) // or it is refused before anything is looked at
  const observer = new Observer(options)
  const instances = await observer.list(asJson ? 'all' : quiet ? 'none' : 'gauges')
  const sessions = instances.flatMap(listed)
  if (quiet) return { lines: sessions.map(({ key, path }) => key ?? path), status: 0 }
  const lines = formatted(format, sessions, FIELDS)
  if (lines) return { lines, status: 0 }
  const { foreign, unspoken } = await observer.strangers()
  const { root } = observer
  if (asJson) {
    const found = {
      root: root ?? null,
      instances,
      ...(foreign.length > 0 && { foreign }),
      ...(unspoken.length > 0 && { unspoken }),
    }
    return { lines: linesOf(json(found)), status: 0 }
  }
  const others = left([...foreign, ...unspoken])
  if (instances.length === 0)
    return { lines: [root === undefined ? 'no sessions' : `no sessions below ${root}`, ...others], status: 0 }
  const now = Date.now()
  const all = instances.flatMap((view) => [
    heading(view),
    ...view.sessions.flatMap((session) => rows(session, 1, now)),
    ...outsiders(view),
  ])
  const columns = process.stdout.isTTY ? terminalSize().columns : Number.POSITIVE_INFINITY
  return { lines: [...fittingTable(HEADING, all, columns, ECONOMIES), ...others], status: 0 }
}
