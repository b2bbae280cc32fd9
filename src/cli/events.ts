// corral events: sessions as they come and go, a line of JSON each.
import type { HoldingChoice } from '../backend/facts.js'
import { jsonLine } from '../common/text.js'
import { follow } from '../observe/follow.js'
import { Observer, type SeenSession } from '../observe/observer.js'
import { LedgerTail } from './ledger-tail.js'
import { print } from './output.js'

/** Of the lines: it grows with each change that who reads them has to know of. Another field is none. */
const SCHEMA = 1

export interface EventsOptions {
  root?: string
  backend: HoldingChoice
  /** Where it is read how sessions ended. */
  ledger?: string
}

function facts({ session, instance, parent }: SeenSession) {
  const { key, group } = session
  const { path, mode, command, startedAt } = group
  const owner = { pid: instance.pid ?? null, alive: instance.alive }
  return {
    ...{ backend: instance.backend, instance: instance.instance, owner },
    ...{ key: key ?? null, parent: parent ?? null, path, mode, command, startedAt },
  }
}

/** Until it is asked to end, or nobody reads any more. */
export async function events({ ledger, ...options }: EventsOptions): Promise<void> {
  const tail = new LedgerTail(ledger)
  const say = (event: string, session: SeenSession, at = Date.now(), more: object = {}) =>
    print([jsonLine({ v: SCHEMA, at, event, ...facts(session), ...more })])
  const gone = async (session: SeenSession) => {
    const at = Date.now()
    say('end', session, at, await tail.endingOf(session.instance.instance, session.session.key))
  }
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve)
    process.stdout.once('error', () => resolve())
  })
  const alive = setInterval(() => undefined, 2 ** 30) // what is watched keeps no process alive
  try {
    const told = {
      came: (session: SeenSession, first: boolean) => say(first ? 'live' : 'start', session),
      gone: (session: SeenSession) => void gone(session),
    }
    await follow(new Observer(options), told, stopped)
  } finally {
    clearInterval(alive)
  }
  process.exit(0) // sessions that live on are still waited for
}
