// corral ls: all sessions below the root, as a tree.

import type { HoldingChoice } from '../backend/facts.js'
import type { InstanceView, SessionView } from '../backend/outside.js'
import { json } from '../common/text.js'
import { Observer } from '../observe/observer.js'
import { bytes, duration } from './format.js'
import { cut, fitting, left, linesOf, type Outcome, table } from './output.js'

const COMMAND_COLUMNS = 60
// As long as the longest that there is: the label is the session's to write
const MODE_COLUMNS = 'persistent'.length
const HEADING = ['SESSION', 'MODE', 'AGE', 'PROCS', 'MEMORY', 'PEAK', 'CAP', 'CPU', 'COMMAND']

function rows(session: SessionView, depth: number, now: number): string[][] {
  const name = '  '.repeat(depth) + (session.key ?? session.path)
  const { group } = session
  const usage = group?.usage
  const cpuMs = usage?.cpuUserMs === undefined ? undefined : usage.cpuUserMs + (usage.cpuSystemMs ?? 0)
  const own = group
    ? [
        cut(group.mode ?? '-', MODE_COLUMNS),
        duration(now - group.startedAt),
        String(group.processes),
        bytes(usage?.memoryBytes),
        bytes(usage?.memoryPeakBytes),
        bytes(usage?.memoryMaxBytes),
        cpuMs === undefined ? '-' : duration(cpuMs),
        cut(group.command ?? '', COMMAND_COLUMNS),
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

export async function ls(options: {
  root?: string
  backend: HoldingChoice
  json: boolean
}): Promise<Outcome> {
  const observer = new Observer(options)
  const instances = await observer.list(options.json ? 'all' : 'gauges')
  const { foreign, unspoken } = await observer.strangers()
  const { root } = observer
  if (options.json) {
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
  const lines = instances.flatMap((view) => [
    heading(view),
    ...view.sessions.flatMap((session) => rows(session, 1, now)),
    ...outsiders(view),
  ])
  return { lines: [...table(HEADING, lines).map(fitting), ...others], status: 0 }
}
