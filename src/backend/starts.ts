// Starts by the addon's spawner, each with a bound. A clone takes 0.2 ms; one that takes seconds is at a directory or a
// program on a file system that does not answer, and may never be over. One timer serves all: a timer for each would cost
// more than all else that a spawn does on the event loop.

import { constants } from 'node:os'
import type { Cancellation } from '../common/cancellation.js'
import { now, setTimeout } from '../common/clock.js'
import { failure, SpawnError, systemCodeOf, systemDetails } from '../common/errors.js'
import type { Native } from '../native/addon.js'

const { ECANCELED, ETIMEDOUT } = constants.errno
// One that can be killed is gone in a millisecond; one that cannot (uninterruptible sleep) is left behind.
export const KILLED_MS = 500

export class Starts {
  readonly #native: Native
  readonly #timeoutMs: number
  /** When they are late, by number, the first of them first. */
  readonly #pending = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(native: Native, timeoutMs: number) {
    this.#native = native
    this.#timeoutMs = timeoutMs
  }

  /**
   * As native.spawn(). Where it takes too long `started` rejects with ETIMEDOUT, and with ECANCELED once `cancel` is
   * cancelled; what was made for it is taken away as soon as that can be done.
   */
  begin(plan: string, cancel?: Cancellation): ReturnType<Native['spawn']> {
    const start = this.#native.spawn(plan)
    const { id, started } = start
    const cancelled = () => this.#cancel(id, ECANCELED)
    const over = () => {
      this.#pending.delete(id)
      cancel?.off(cancelled)
    }
    this.#pending.set(id, now() + this.#timeoutMs)
    this.#timer ??= setTimeout(() => this.#look(), this.#timeoutMs).unref()
    started.then(over, over)
    cancel?.on(cancelled)
    return start
  }

  #look(): void {
    const at = now()
    this.#timer = undefined
    for (const [id, late] of this.#pending) {
      if (late > at) {
        this.#timer = setTimeout(() => this.#look(), late - at).unref()
        return
      }
      this.#pending.delete(id)
      this.#cancel(id, ETIMEDOUT)
    }
  }

  #cancel(id: number, number: number): void {
    this.#native.cancelSpawn(id, number, false)
    setTimeout(() => this.#native.cancelSpawn(id, number, true), KILLED_MS).unref()
  }
}

/** Whether a start was given up, by a bound or by who asked for it: it may not be over yet. */
export function isGivenUp(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ETIMEDOUT' || code === 'ECANCELED'
}

/** What a start came to that failed, in words. */
export function spawnError(command: string, error: unknown, timeoutMs: number, hint?: string): SpawnError {
  if (systemCodeOf(error) !== 'ETIMEDOUT')
    return failure(SpawnError, `'${command}' cannot be started`, error, hint)
  const details = systemDetails(error)
  const { syscall, path } = details
  return new SpawnError(
    `'${command}' cannot be started: ${syscall}${path ? ` '${path}'` : ''} has not returned within ${timeoutMs} ms`,
    {
      ...details,
      hint: 'Check whether its directory or its program is on a file system that does not answer (FUSE, NFS), or under a lease; startTimeoutMs is the bound',
    },
  )
}
