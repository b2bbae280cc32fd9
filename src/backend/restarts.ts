// Starts another of a process that has to be there all the time (the guard, the keeper), and tells what becomes of it.

import { now, setTimeout } from '../common/clock.js'
import type { GuardEvent } from './facts.js'

// Another comes at once; when they go on dying, or cannot be started, with longer and longer pauses, up to the last.
const PAUSES_MS = [0, 10, 100, 1000, 5000]
// One that has lived so long died of something new.
const CALM_MS = 60_000
const CLOCK = { now, setTimeout }

export class Restarts {
  /** How many have died. */
  deaths = 0
  /** Whether no other is wanted any more. */
  over = false
  /** Another on its way; never rejects. */
  underWay: Promise<void> | undefined
  readonly #start: () => Promise<void>
  readonly #emit: (event: GuardEvent) => void
  readonly #clock: typeof CLOCK
  /** Deaths and failures since the last one that lived long. */
  #inARow = 0
  #startedAt = 0

  constructor(start: () => Promise<void>, emit: (event: GuardEvent) => void, clock = CLOCK) {
    this.#start = start
    this.#emit = emit
    this.#clock = clock
  }

  /** One was started. */
  started(): void {
    this.#startedAt = this.#clock.now()
  }

  /** It has died: another is started. */
  died(): void {
    if (this.over) return
    this.deaths++
    if (this.#clock.now() - this.#startedAt > CALM_MS) this.#inARow = 0
    this.#emit({ event: 'died', deaths: this.deaths })
    this.#again()
  }

  /** None could be started: goes on trying, after a pause. */
  failed(error: Error): void {
    if (this.over) return
    this.#inARow = Math.max(this.#inARow, 1)
    this.#emit({ event: 'failed', deaths: this.deaths, error })
    this.#again()
  }

  #again(): void {
    const pause = PAUSES_MS[Math.min(this.#inARow++, PAUSES_MS.length - 1)] ?? 0
    const restart = () => {
      if (!this.over) this.underWay = this.#restart()
    }
    if (pause === 0) restart()
    else this.#clock.setTimeout(restart, pause).unref()
  }

  async #restart(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      this.failed(error as Error)
      return
    }
    if (!this.over) this.#emit({ event: 'restarted', deaths: this.deaths })
  }
}
