// corral ps: the processes of sessions, as trees.
import { json } from '../common/text.js'
import { userName } from '../linux/users.js'
import type { SeenSession } from '../observe/observer.js'
import { asTree, processesOf } from '../observe/processes.js'
import { bytes, duration } from './format.js'
import { fitting, linesOf, type Outcome, table } from './output.js'
import { type SessionsOptions, sessionsOf } from './sessions.js'
import { formatted } from './template.js'

export interface PsOptions extends SessionsOptions {
  quiet: boolean
  format?: string
  json: boolean
}

const HEADING = ['PID', 'PPID', 'USER', 'STATE', 'AGE', 'CPU', 'RSS', 'COMMAND']
const FIELDS = [
  ...['key', 'instance', 'pid', 'ppid', 'uid', 'state', 'startedAt', 'cpuMs', 'rssBytes', 'threads'],
  ...['command', 'depth'],
]

async function look(session: SeenSession) {
  const { key, group } = session.session
  const processes = asTree(await processesOf(session))
  return { instance: session.instance.instance, key, path: group.path, processes }
}

type Seen = Awaited<ReturnType<typeof look>>

function rows({ processes }: Seen, now: number): string[][] {
  return processes.map(({ depth, process }) => [
    String(process.pid),
    String(process.ppid),
    userName(process.uid),
    process.state,
    duration(now - process.startedAt),
    duration(process.cpuMs),
    bytes(process.rssBytes),
    '  '.repeat(depth) + process.command,
  ])
}

/** A session that is not the only one has a line above its processes. */
function tables(seen: Seen[]): string[] {
  const now = Date.now()
  const lines = seen.flatMap((one) => [
    ...(seen.length > 1 ? [[`${one.key ?? one.path} (${one.instance})`]] : []),
    ...rows(one, now),
  ])
  return table(HEADING, lines).map(fitting)
}

/** Status 1: there is no session of one of the keys. */
export async function ps(keys: string[], options: PsOptions): Promise<Outcome> {
  formatted(options.format, [], FIELDS) // or it is refused before anything is looked at
  const { found, errors } = await sessionsOf(keys, options)
  const seen = await Promise.all(found.map(look))
  const all = seen.flatMap(({ key, instance, processes }) =>
    processes.map(({ depth, process }) => ({ key, instance, depth, ...process })),
  )
  const status = errors.length > 0 ? 1 : 0
  if (options.quiet) return { lines: all.map(({ pid }) => String(pid)), errors, status }
  if (options.json) {
    const told = seen.map(({ processes, ...one }) => ({
      ...one,
      processes: processes.map(({ process }) => process),
    }))
    return { lines: linesOf(json(told)), errors, status }
  }
  const lines = formatted(options.format, all, FIELDS) ?? (seen.length > 0 ? tables(seen) : [])
  return { lines, errors, status }
}
