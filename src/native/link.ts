// A lifeline to a guard, a keeper or a reaper, and what is said over it (native/core/message.h).
import type { Native, NativeMessage } from './addon.js'
import { KIND, type Kind, VALUES, type Values } from './language.js'

/** A message, with its values by name. */
export type Message = { [Name in Kind]: { kind: Name } & Values[Name] & Payload }[Kind]
type Payload = Omit<NativeMessage, 'kind' | 'values'>
type Said<Name extends Kind> = Partial<Values[Name]> & { id?: number; fd?: number }

const NAMES = new Map(Object.entries(KIND).map(([name, number]) => [number as number, name as Kind]))

/** Undefined for a kind that is not known here. */
function named({ kind, values, ...payload }: NativeMessage): Message | undefined {
  const name = NAMES.get(kind)
  if (name === undefined) return undefined
  const fields = VALUES[name]?.map((field, at) => [field, values[at]]) ?? []
  return { kind: name, ...payload, ...Object.fromEntries(fields) } as Message
}

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
   * -1 where the other is not ours. @throws a system error where there is no thread to hear by, and both ends are closed.
   */
  constructor(
    native: Native,
    heard: (message: Message) => void,
    [fd, other]: [link: number, other: number] = native.openLink(),
  ) {
    this.#native = native
    this.#fd = fd
    this.other = other
    this.gone = this.#listen(heard, this.#firstReceived())
  }

  /** False when the other side is gone. */
  send<Name extends Kind>(kind: Name, said: Said<Name> = {}): boolean {
    try {
      return this.ask(kind, said)
    } catch {
      return false // that it is gone, or does not listen: a caller that waits for an answer has a bound
    }
  }

  /** As send(). @throws a system error when it could not be sent. */
  ask<Name extends Kind>(kind: Name, said: Said<Name> = {}): boolean {
    if (!this.#open) return false
    const { id = 0, fd = -1, ...values } = said
    const [first = 0, second = 0] =
      VALUES[kind]?.map((field) => (values as Record<string, number>)[field]) ?? []
    this.#native.send(this.#fd, KIND[kind], id, first, second, fd)
    return true
  }

  /** Asks a reaper for a process. Gives our ends of its stdio; undefined when it is gone. @throws a system error */
  sendSpawn(id: number, plan: string): number[] | undefined {
    return this.#open ? this.#native.sendSpawn(this.#fd, id, plan) : undefined
  }

  hangUp(): void {
    if (this.#open) this.#native.hangUp(this.#fd)
  }

  #firstReceived(): Promise<NativeMessage | undefined> {
    try {
      return this.#native.receive(this.#fd)
    } catch (error) {
      this.#native.dropLink(this.#fd)
      if (this.other >= 0) this.#native.close(this.other)
      throw error
    }
  }

  async #listen(heard: (message: Message) => void, first: Promise<NativeMessage | undefined>): Promise<void> {
    for (let next = first; ; next = this.#native.receive(this.#fd)) {
      const received = await next.catch(() => undefined)
      if (!received) break
      const message = named(received)
      if (message) heard(message)
      for (const fd of received.fds) this.#native.close(fd) // that no handler took
    }
    this.#open = false
    this.#native.dropLink(this.#fd)
  }
}

/** Waits for the end of a process of ours, which comes to us where it loses its parent and we are init. */
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
