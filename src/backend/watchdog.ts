// Memory caps where no controller holds them: looks at what each watched group uses, the more often the nearer it is to its
// cap, and tells when it is over. A process can use more for a moment than it is caught at; a kernel's cap cannot be passed.
import { clearTimeout, now, setTimeout } from '../common/clock.js'
import type { Native } from '../native/addon.js'

// A group is taken to grow by no more than this in a second: between two looks it cannot get from far below its cap to far
// above. A single process fills fresh memory at about this rate.
const GROWTH_BYTES_PER_S = 2 ** 30
const SOONEST_MS = 20
const LATEST_MS = 1000
// Looking takes its time too, the more of it the more memory there is, and the thread that looks has other things to do:
// a tenth of its time is enough.
const PAUSE_PER_LOOK = 10

export interface Watched {
  path: string
  /** The cap in bytes; undefined while there is none. Asked for at every look. */
  cap(): number | undefined
  /** Called once, with what is used, in bytes. */
  over(used: number, cap: number): void
}

export class Watchdog {
  readonly #native: Pick<Native, 'memoryUsed'>
  readonly #timers = new Map<Watched, NodeJS.Timeout>()

  constructor(native: Pick<Native, 'memoryUsed'>) {
    this.#native = native
  }

  /** Returns the way to stop. */
  watch(watched: Watched): () => void {
    this.#lookIn(watched, 0)
    return () => {
      clearTimeout(this.#timers.get(watched))
      this.#timers.delete(watched)
    }
  }

  #lookIn(watched: Watched, ms: number): void {
    this.#timers.set(watched, setTimeout(() => void this.#look(watched), ms).unref())
  }

  async #look(watched: Watched): Promise<void> {
    const cap = watched.cap() ?? Number.POSITIVE_INFINITY
    const begun = now()
    const used = Number.isFinite(cap) ? await this.#used(watched.path, cap) : 0
    const tookMs = now() - begun
    if (!this.#timers.has(watched)) return // stopped meanwhile
    if (used > cap) {
      this.#timers.delete(watched)
      watched.over(used, cap)
      return
    }
    const room = ((cap - used) / GROWTH_BYTES_PER_S) * 1000
    this.#lookIn(watched, Math.max(Math.min(Math.max(room, SOONEST_MS), LATEST_MS), tookMs * PAUSE_PER_LOOK))
  }

  /** What cannot be looked at now is looked at again: a group that is ending has no processes left to count. */
  #used(path: string, cap: number): Promise<number> {
    return this.#native.memoryUsed(path, cap).catch(() => 0)
  }
}
