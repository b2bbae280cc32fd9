// corral wait: waits until sessions are over.
import { json } from '../common/text.js'
import type { SeenSession } from '../observe/observer.js'
import { linesOf, type Outcome, print } from './output.js'
import { type SessionsOptions, sessionsOf } from './sessions.js'

/** Why and how it ended, its owner alone knows. */
async function waitFor(session: SeenSession) {
  await session.over()
  const { key, group } = session.session
  return { instance: session.instance.instance, key, path: group.path, reason: null, status: null }
}

/** Each is told of when it is over. Status 1: there is no session of one of the keys. */
export async function wait(
  keys: string[],
  { json: asJson, ...options }: SessionsOptions & { json: boolean },
): Promise<Outcome> {
  const { found, errors } = await sessionsOf(keys, options)
  const over = await Promise.all(
    found.map(async (session) => {
      const one = await waitFor(session)
      if (!asJson) print([`${session.name}: over (reason unknown, status unknown)`])
      return one
    }),
  )
  return { lines: asJson ? linesOf(json(over)) : [], errors, status: errors.length > 0 ? 1 : 0 }
}
