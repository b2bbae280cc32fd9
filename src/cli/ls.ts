// corral ls: all sessions below the root, as a tree.
import type { InstanceView, SessionView } from '../cgroup/survey.js'
import { Observer } from '../observer.js'
import type { HoldingChoice } from '../options.js'
import { bytes, duration, json, printable, table } from './format.js'

const HEADING = ['SESSION', 'MODE', 'AGE', 'PROCS', 'MEMORY', 'PEAK', 'CAP', 'CPU', 'COMMAND']

function rows(session: SessionView, depth: number, now: number): string[][] {
  const name = '  '.repeat(depth) + printable(session.key ?? session.path)
  const { group } = session
  const usage = group?.usage
  const cpuMs = usage?.cpuUserMs === undefined ? undefined : usage.cpuUserMs + (usage.cpuSystemMs ?? 0)
  const own = group
    ? [
        group.mode ?? '-',
        duration(now - group.startedAt),
        String(group.processes),
        bytes(usage?.memoryBytes),
        bytes(usage?.memoryPeakBytes),
        bytes(usage?.memoryMaxBytes),
        cpuMs === undefined ? '-' : duration(cpuMs),
        printable(group.command ?? '').slice(0, 60),
      ]
    : ['(parent)', '', '', '', '', '', '', '']
  return [[name, ...own], ...session.children.flatMap((child) => rows(child, depth + 1, now))]
}

function heading({ instance, alive, pid, command }: InstanceView): string[] {
  const owner = `${alive ? 'pid' : 'dead: was pid'} ${pid ?? '?'}${command ? ` ${printable(command).slice(0, 60)}` : ''}`
  return [`${instance} (${owner})`, '', '', '', '', '', '', '', '']
}

export async function ls(options: { root?: string; backend: HoldingChoice; json: boolean }): Promise<string> {
  const observer = new Observer(options)
  const instances = await observer.list(options.json ? 'all' : 'gauges')
  const { root } = observer
  if (options.json) return json({ root: root ?? null, instances })
  if (instances.length === 0) return root === undefined ? 'no sessions' : `no sessions below ${root}`
  const now = Date.now()
  const lines = instances.flatMap((view) => [
    heading(view),
    ...view.sessions.flatMap((session) => rows(session, 1, now)),
  ])
  return table(HEADING, lines)
}
