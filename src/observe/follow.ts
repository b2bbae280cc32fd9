// Sessions as they come and go, of any owner.
import type { Observer, SeenSession } from './observer.js'

export interface Followed {
  /** `first`: it was there at the beginning. */
  came(session: SeenSession, first: boolean): void
  gone(session: SeenSession): void
}

/** Tells of them until it is stopped. A session that comes and goes before it can be looked at is not told of. @throws what looking does */
export async function follow(observer: Observer, told: Followed, stopped: Promise<void>): Promise<void> {
  const known = new Set<string>()
  let failed: (error: unknown) => void = () => undefined
  const failure = new Promise<never>((_, reject) => {
    failed = reject
  })

  const awaitEnd = async (session: SeenSession, name: string) => {
    await session.over()
    known.delete(name)
    told.gone(session)
  }
  const look = async (first: boolean) => {
    for (const session of await observer.find({ all: true }, 'gauges')) {
      // A later session of its place is another one
      const name = `${session.session.group.path} ${session.session.group.startedAt}`
      if (known.has(name)) continue
      known.add(name)
      told.came(session, first)
      void awaitEnd(session, name).catch(failed)
    }
  }

  let [busy, again] = [false, false]
  const lookAgain = async () => {
    again = true
    if (busy) return
    busy = true
    while (again) {
      again = false
      await look(false)
    }
    busy = false
  }
  const changed = () => void lookAgain().catch(failed)
  const stop = observer.watch(changed)
  try {
    await look(true)
    await Promise.race([stopped, failure])
  } finally {
    stop()
  }
}
