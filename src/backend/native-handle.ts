// A process that the addon started: reached through its pidfd, and the descriptors of our ends of its stdio.
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { systemCodeOf } from '../common/errors.js'
import type { Native } from '../native/addon.js'
import { OutputStream, UNREAD_BYTES, whenClosed } from './output-stream.js'
import type { ProcessHandle } from './spawned.js'

// In place of a descriptor: there is no stream; or there was one, and it was given up, or its end was reached
const NO_STREAM = -1
const CLOSED = -2
// In place of a pidfd that is closed
const ENDED = -1

export class NativeHandle implements ProcessHandle {
  readonly descriptors: number
  readonly #native: Native
  #pidfd: number
  readonly #fds: number[]
  readonly #streams: (Socket | null)[] = []
  /** What was read of streams that were not opened, by index. */
  readonly #unread = new Map<number, Buffer[]>()

  constructor(native: Native, pidfd: number, fds: number[]) {
    this.descriptors = fds.length
    this.#native = native
    this.#pidfd = pidfd
    this.#fds = fds
  }

  /** Undefined once the process has ended. */
  get pidfd(): number | undefined {
    return this.#pidfd === ENDED ? undefined : this.#pidfd
  }

  stream(index: number): Socket | null {
    const open = this.#streams[index]
    if (open !== undefined) return open
    const fd = this.#fds[index] ?? NO_STREAM
    const stream = fd === NO_STREAM ? null : index === 0 ? inputStream(fd) : this.#outputStream(index, fd)
    this.#streams[index] = stream
    return stream
  }

  /** With what was taken of it before. */
  #outputStream(index: number, fd: number): OutputStream {
    // Neither end may hold up the other: a reader's end-of-file does not end what we still have to write
    const ends = { readable: true, allowHalfOpen: true }
    const stream = new OutputStream(
      fd === CLOSED ? { ...ends, writable: false } : { ...ends, fd, writable: index > 2 },
    )
    for (const chunk of this.#unread.get(index)?.reverse() ?? []) stream.unshift(chunk)
    this.#unread.delete(index)
    if (fd === CLOSED) stream.push(null)
    return stream
  }

  discard(index: number): void {
    this.#native.close(this.#fds[index] ?? NO_STREAM)
    this.#fds[index] = CLOSED
  }

  signal(number: number): boolean {
    return this.#native.signal(this.#pidfd, number)
  }

  ref(): void {
    this.#native.ref()
  }

  unref(): void {
    this.#native.unref()
  }

  ended(): void {
    this.#native.close(this.#pidfd)
    this.#pidfd = ENDED
    this.#streams[0]?.destroy()
  }

  keepUnread(): Promise<void>[] {
    return this.#take(UNREAD_BYTES)
  }

  isWhole(): boolean {
    return this.#fds.every((fd, index) => fd < 0 || this.#streams[index])
  }

  sessionOver(): void {
    void this.#take(Number.POSITIVE_INFINITY)
  }

  #take(bound: number): Promise<void>[] {
    const asked: Promise<void>[] = []
    for (const [index, fd] of this.#fds.entries()) {
      const stream = this.#streams[index]
      if (stream instanceof OutputStream) {
        stream.keep(bound)
        asked.push(stream.whole)
      } else if (stream) asked.push(whenClosed(stream))
      else if (fd >= 0 && stream === undefined) this.#takeUnasked(index, fd, bound)
    }
    return asked
  }

  /** The descriptor stays open as long as others of the session can write to it. */
  #takeUnasked(index: number, fd: number, bound: number): void {
    const chunks = this.#unread.get(index) ?? []
    const ended = index === 0 || readUnread(fd, chunks, bound)
    if (chunks.length > 0) this.#unread.set(index, chunks)
    if (ended || bound === Number.POSITIVE_INFINITY) this.discard(index)
  }
}

function inputStream(fd: number): Socket {
  const stream = new Socket({
    ...(fd !== CLOSED && { fd }),
    readable: false,
    writable: true,
    allowHalfOpen: true,
  })
  if (fd === CLOSED) stream.destroy()
  return stream
}

const scratch = Buffer.allocUnsafeSlow(65_536)

/** Reads what there is, without waiting: our ends are non-blocking. Whether that was all there will ever be. */
function readUnread(fd: number, chunks: Buffer[], bound: number): boolean {
  for (let taken = 0; taken < bound; ) {
    try {
      const length = readSync(fd, scratch)
      if (length === 0) return true
      taken += length
      chunks.push(Buffer.from(scratch.subarray(0, length)))
    } catch (error) {
      return systemCodeOf(error) !== 'EAGAIN' // any other is the end of it
    }
  }
  return false
}
