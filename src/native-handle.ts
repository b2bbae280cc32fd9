// A process that the addon started: reached through its pidfd, and the descriptors of our ends of its stdio.
import { Socket } from 'node:net'
import type { ProcessHandle } from './backend.js'
import type { Native } from './native.js'

// In place of a descriptor: there is no stream; or there was one, and nobody asked for it before the process ended
const NO_STREAM = -1
const DISCARDED = -2

export class NativeHandle implements ProcessHandle {
  readonly descriptors: number
  readonly #native: Native
  readonly #pidfd: number
  readonly #fds: number[]
  readonly #streams: (Socket | null)[] = []

  constructor(native: Native, pidfd: number, fds: number[]) {
    this.descriptors = fds.length
    this.#native = native
    this.#pidfd = pidfd
    this.#fds = fds
  }

  stream(index: number): Socket | null {
    const open = this.#streams[index]
    if (open !== undefined) return open
    const fd = this.#fds[index] ?? NO_STREAM
    const readable = index !== 0
    const writable = index === 0 || index > 2
    // Neither end may hold up the other: a reader's end-of-file does not end what we still have to write
    const source = fd === DISCARDED ? {} : { fd }
    const stream =
      fd === NO_STREAM ? null : new Socket({ ...source, readable, writable, allowHalfOpen: true })
    if (fd === DISCARDED) stream?.destroy()
    this.#streams[index] = stream
    return stream
  }

  discard(index: number): void {
    this.#native.close(this.#fds[index] ?? NO_STREAM)
    this.#fds[index] = DISCARDED
  }

  signal(number: number): boolean {
    return this.#native.signal(this.#pidfd, number)
  }

  ref(): void {
    this.#native.hold()
  }

  unref(): void {
    this.#native.release()
  }

  ended(): void {
    this.#native.close(this.#pidfd)
    this.#streams[0]?.destroy()
  }

  opened(): Socket[] {
    const opened: Socket[] = []
    for (const [index, fd] of this.#fds.entries()) {
      const stream = this.#streams[index]
      if (stream) opened.push(stream)
      else if (stream === undefined && fd >= 0) this.discard(index)
    }
    return opened
  }
}
