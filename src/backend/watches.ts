// Watches of a group that are set up once there is something to watch for, which can come to be while the group lives: a limit
// that is set later, a cap above it.
import { isSystemError } from '../common/errors.js'

/** Sets a watch up, and gives the way to stop it; undefined while there is nothing to watch for. */
export type StartWatch = () => (() => void) | undefined

interface Watched {
  waiting: Set<StartWatch>
  stops: (() => void)[]
}

export class Watches {
  readonly #all = new Set<Watched>()

  /** Sets those up that can be, and at each arm() those that can be then. Returns the way to stop all of them. */
  add(starts: readonly StartWatch[]): () => void {
    const watched: Watched = { waiting: new Set(starts), stops: [] }
    this.#all.add(watched)
    this.arm()
    return () => {
      this.#all.delete(watched)
      for (const stop of watched.stops) stop()
    }
  }

  arm(): void {
    for (const { waiting, stops } of this.#all)
      for (const start of waiting) {
        try {
          const stop = start()
          if (!stop) continue
          stops.push(stop)
          waiting.delete(start)
        } catch (error) {
          if (!isSystemError(error)) throw error // no watches left, or it is over already: the report has the counts
        }
      }
  }
}
