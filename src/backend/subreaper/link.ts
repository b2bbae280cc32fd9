// A lifeline to a keeper or a reaper (native/warden/reaper.h), and what is said over it.
import type { Native, NativeMessage } from '../../native/addon.js'

/** native/core/message.h */
export const KIND = {
  startReaper: 1,
  collect: 2,
  endAll: 3,
  spawn: 4,
  end: 5,
  keeperReady: 6,
  clean: 7,
  reaperReady: 8,
  started: 9,
  refused: 10,
  exited: 11,
  ended: 12,
  labels: 13,
  door: 14,
  endRequested: 15,
  entered: 16,
  left: 17,
  show: 18,
  join: 19,
  shown: 20,
  out: 22,
  cancel: 23,
} as const

/** What the names of doors begin with: native/core/door.h. */
export const DOOR = 'corral-door-'

export class Link {
  /** The other side's end, to be passed on and closed. */
  readonly other: number
  /** Settles when the other side is gone, and all that it said was heard. */
  readonly gone: Promise<void>
  readonly #native: Native
  readonly #fd: number
  #open = true

  /**
   * `heard` takes the descriptors of a message that it keeps out of its list. `ends`: of a lifeline that is there already;
   * -1 where the other is not ours.
   */
  constructor(
    native: Native,
    heard: (message: NativeMessage) => void,
    [fd, other]: [link: number, other: number] = native.openLink(),
  ) {
    this.#native = native
    this.#fd = fd
    this.other = other
    this.gone = this.#listen(heard)
  }

  /** False when the other side is gone. */
  send(kind: number, { id = 0, number = 0, second = 0, fd = -1 } = {}): boolean {
    try {
      return this.ask(kind, { id, number, second, fd })
    } catch {
      return false // that it is gone, or does not listen: whoever waits for an answer has a bound for that
    }
  }

  /** As send(). @throws a system error when it could not be sent. */
  ask(kind: number, { id = 0, number = 0, second = 0, fd = -1 } = {}): boolean {
    if (!this.#open) return false
    this.#native.send(this.#fd, kind, id, number, second, fd)
    return true
  }

  /** Asks a reaper for a process. Gives our ends of its stdio; undefined when it is gone. @throws a system error */
  sendSpawn(id: number, plan: string): number[] | undefined {
    return this.#open ? this.#native.sendSpawn(this.#fd, id, plan) : undefined
  }

  hangUp(): void {
    if (this.#open) this.#native.hangUp(this.#fd)
  }

  async #listen(heard: (message: NativeMessage) => void): Promise<void> {
    for (;;) {
      const message = await this.#native.receive(this.#fd).catch(() => undefined)
      if (!message) break
      heard(message)
      for (const fd of message.fds) this.#native.close(fd) // what nobody took
    }
    this.#open = false
    this.#native.dropLink(this.#fd)
  }
}

/** Waits for the end of a keeper or reaper of ours, which comes to us where it loses its parent and we are init. */
export async function waitForEnd(native: Native, pidfd: number): Promise<void> {
  await native.waitForExit(pidfd)
  native.reap(pidfd)
}

/** Has the event loop stay alive until `promise` has settled. */
export async function keepAlive<Result>(native: Native, promise: Promise<Result>): Promise<Result> {
  native.ref()
  try {
    return await promise
  } finally {
    native.unref()
  }
}
