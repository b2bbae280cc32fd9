// Ends spawns that hang. A clone takes 0.2 ms; one that takes seconds waits in a group that was frozen just after we
// looked (crun #2243), and killing that group lets it go. One timer serves all: a timer for each would cost more than
// all else that a spawn does on the event loop.

const PATIENCE_MS = 10_000

export class HangingSpawns {
  readonly #pending = new Map<() => void, number>()
  #timer: NodeJS.Timeout | undefined

  /** Calls `kill` when done() is not called in time. */
  watch(kill: () => void): void {
    this.#pending.set(kill, performance.now())
    this.#timer ??= setTimeout(() => this.#look(), PATIENCE_MS).unref()
  }

  done(kill: () => void): void {
    this.#pending.delete(kill)
  }

  #look(): void {
    this.#timer = undefined
    const late = performance.now() - PATIENCE_MS
    for (const [kill, since] of this.#pending) if (since <= late) kill()
    if (this.#pending.size > 0) this.#timer = setTimeout(() => this.#look(), PATIENCE_MS).unref()
  }
}
