// corral inspect: all that is known of sessions.
import { json } from '../common/text.js'
import type { SeenSession } from '../observe/observer.js'
import { processesOf } from '../observe/processes.js'
import { linesOf, type Outcome } from './output.js'
import { type SessionsOptions, sessionsOf } from './sessions.js'
import { formatted } from './template.js'

async function look(session: SeenSession) {
  const { instance, parent } = session
  const { key, path, group, children } = session.session
  const [limits, processes] = [await session.limits(), await processesOf(session)]
  return {
    key: key ?? null,
    parent: parent ?? null,
    children: children.map((child) => child.key ?? child.path),
    path,
    group,
    limits,
    processes,
    instance,
  }
}

/** Status 1: there is no session of one of the keys. */
export async function inspect(
  keys: string[],
  { format, ...options }: SessionsOptions & { format?: string },
): Promise<Outcome> {
  formatted(format, []) // or it is refused before anything is looked at
  const { found, errors } = await sessionsOf(keys, options, 'all')
  const seen = await Promise.all(found.map(look))
  return { lines: formatted(format, seen) ?? linesOf(json(seen)), errors, status: errors.length > 0 ? 1 : 0 }
}
