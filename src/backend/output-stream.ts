// Our end of what a process writes: a socket whose reader may come late. What has not been read when the process ends is taken
// into memory, and the descriptor is given up at its end, not when it has been read, which may be never.

import { Socket, type SocketConstructorOpts } from 'node:net'
import { queueMicrotask } from '../common/clock.js'

// Once its process has ended, a stream that is not read takes so much, in bytes: more than the buffer of a socket or a pipe,
// so it takes all that was written up to then. What others write into it after that waits for a reader, or for the session's end.
export const UNREAD_BYTES = 2 ** 20

export class OutputStream extends Socket {
  /** Settles when it is closed, or all that was written is in memory. */
  readonly whole: Promise<void>
  isWhole = false
  #settle!: () => void
  #bound = 0
  #atEnd = false

  constructor(options?: SocketConstructorOpts) {
    super(options)
    this.whole = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.once('close', () => this.#beWhole())
  }

  /** The reader sets the pace. While there is none, it reads up to the bound. */
  override push(chunk: Buffer | string | null, encoding?: BufferEncoding): boolean {
    const more = super.push(chunk, encoding)
    if (chunk === null) {
      this.#atEnd = true
      if (this.#bound > 0 && this.#isUnread()) queueMicrotask(() => this.#letGo()) // libuv's callback still uses the handle
    }
    return more || (this.#isUnread() && this.readableLength < this.#bound)
  }

  /** Takes what there is, also without a reader: up to a bound, in bytes. */
  keep(bound: number): void {
    const first = this.#bound === 0
    this.#bound = bound
    if (!this.#isUnread()) {
      if (first && this.readable) this.resume() // as child_process: one that was paused goes on
    } else if (this.#atEnd) this.#letGo()
    else this._read(0)
  }

  #isUnread(): boolean {
    return !this.readableFlowing && this.listenerCount('data') === 0 && this.listenerCount('readable') === 0
  }

  /** net.Socket keeps its handle until all was read. */
  #letGo(): void {
    const socket = this as unknown as { _handle: { close(): void } | null }
    socket._handle?.close()
    socket._handle = null
    this.#beWhole()
  }

  #beWhole(): void {
    this.isWhole = true
    this.#settle()
  }
}

export function whenClosed(stream: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', () => resolve())
  })
}
