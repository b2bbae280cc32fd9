// corral wait: waits until sessions are over.
import { json } from '../common/text.js'
import type { SeenSession } from '../observe/observer.js'
import { type Ending, LedgerTail } from './ledger-tail.js'
import { linesOf, type Outcome, print } from './output.js'
import { type SessionsOptions, sessionsOf } from './sessions.js'

export interface WaitOptions extends SessionsOptions {
  /** Where it is read how they ended: else their owners alone know. */
  ledger?: string
  json: boolean
}

function described({ reason, exitCode, signal }: Ending): string {
  const status = signal ?? (exitCode === null ? 'status unknown' : `status ${exitCode}`)
  return `${reason ?? 'reason unknown'}, ${status}`
}

/** Each is told of when it is over. Status 1: there is no session of one of the keys. */
export async function wait(
  keys: string[],
  { ledger, json: asJson, ...options }: WaitOptions,
): Promise<Outcome> {
  const tail = new LedgerTail(ledger)
  const { found, errors } = await sessionsOf(keys, options)
  const waitFor = async (one: SeenSession) => {
    await one.over()
    const { key, group } = one.session
    const { instance } = one.instance
    const ending = await tail.endingOf(instance, key)
    if (!asJson) print([`${one.name}: over (${described(ending)})`])
    return { instance, key, path: group.path, ...ending }
  }
  const over = await Promise.all(found.map(waitFor))
  return { lines: asJson ? linesOf(json(over)) : [], errors, status: errors.length > 0 ? 1 : 0 }
}
