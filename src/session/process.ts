// A process of a session, with the properties, methods and events of Node's ChildProcess, so that whatever takes
// a child process takes this one. Its streams are opened when they are first asked for, at any time: what was written is kept.

import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { ProcessHandle, ProcessPlan, SpawnedProcess } from '../backend/spawned.js'
import { setImmediate } from '../common/clock.js'
import { emit } from '../common/emit.js'
import { explained, InvalidArgumentError } from '../common/errors.js'
import { nameOfSignal, parseSignal } from '../common/signals.js'
import type { NativeExit } from '../native/addon.js'
import type { Stdio } from './options.js'

export interface ExitStatus {
  code: number | null
  signal: NodeJS.Signals | null
}

function statusOf({ code, signal }: NativeExit): ExitStatus {
  if (signal === 0) return { code, signal: null }
  return { code: null, signal: nameOfSignal(signal) }
}

type EntryOf<Given, Index extends number> = Given extends readonly unknown[]
  ? number extends Given['length']
    ? Given[number]
    : `${Index}` extends keyof Given
      ? Given[`${Index}`]
      : undefined // what is not given is a pipe
  : Given

type StreamOf<Entry, Stream> = Entry extends 'pipe' | 'fifo' | null | undefined ? Stream : null

/** A process whose streams are known by its option `stdio`: there is one where that is a pipe, and null elsewhere. */
export type ProcessWith<Given extends Stdio | undefined> = ContainedProcess & {
  readonly stdin: StreamOf<EntryOf<Given, 0>, Writable>
  readonly stdout: StreamOf<EntryOf<Given, 1>, Readable>
  readonly stderr: StreamOf<EntryOf<Given, 2>, Readable>
}

export class ContainedProcess extends EventEmitter implements ChildProcess {
  /** Its process id, here and not in a namespace of its own. */
  readonly pid: number
  /** The command, as it was given. */
  readonly spawnfile: string
  /** argv, the command's own name first. */
  readonly spawnargs: string[]
  /** There is no IPC channel. */
  readonly connected = false
  /** There is no IPC channel. */
  readonly channel = null
  /** Null as long as it runs, and where a signal ended it. */
  exitCode: number | null = null
  /** The signal that ended it, else null. */
  signalCode: NodeJS.Signals | null = null
  /** Whether kill() has sent it a signal. */
  killed = false
  /** Resolves with the exit status when the process has ended. Never rejects. */
  readonly exited: Promise<ExitStatus>

  readonly #handle: ProcessHandle
  #running = true
  #refed = false

  constructor(plan: ProcessPlan, spawned: SpawnedProcess) {
    super()
    this.pid = spawned.pid
    this.spawnfile = plan.command
    this.spawnargs = [...plan.argv]
    this.#handle = spawned.handle
    this.ref()
    // Not before the code that awaits the spawn can have added listeners and opened the streams
    const announced = new Promise<void>((resolve) => {
      setImmediate(() => {
        emit(this, 'spawn')
        resolve()
      })
    })
    this.exited = announced.then(() => spawned.exited).then((exit) => this.#onExit(exit))
  }

  /** Null where it is no pipe. */
  get stdin(): Writable | null {
    return this.#stream(0)
  }

  /** Null where it is no pipe. */
  get stdout(): Readable | null {
    return this.#stream(1)
  }

  /** Null where it is no pipe. */
  get stderr(): Readable | null {
    return this.#stream(2)
  }

  /** The streams of all its descriptors; null where one is no pipe. */
  get stdio(): ChildProcess['stdio'] {
    const streams = Array.from({ length: this.#handle.descriptors }, (_, index) => this.#stream(index))
    return streams as unknown as ChildProcess['stdio']
  }

  /** Sends a signal to this process alone, through its pidfd where it has one. False when it has ended. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const number = parseSignal(signal, 0)
    if (!this.#running) return false
    const sent = this.#handle.signal(number)
    if (sent && number !== 0) this.killed = true
    return sent
  }

  /** Keeps the event loop alive while the process runs, as it does from the start. */
  ref(): void {
    if (this.#refed || !this.#running) return
    this.#refed = true
    this.#handle.ref()
  }

  /**
   * Lets the event loop end while the process runs. Then the gateway exits, and its guard ends the process with all other
   * sessions, `detached` or not. No process of a session outlives the gateway.
   */
  unref(): void {
    if (!this.#refed) return
    this.#refed = false
    this.#handle.unref()
  }

  /** Throws, as a ChildProcess without an IPC channel does. */
  send(): boolean {
    throw new InvalidArgumentError('a contained process has no IPC channel', {
      hint: 'Talk to it over its stdio',
    })
  }

  /** Does nothing: there is no IPC channel. */
  disconnect(): void {}

  /** Calls kill(). */
  [Symbol.dispose](): void {
    this.kill()
  }

  /** Ends its standard input. False where Corral does not hold that, or the process has ended. @internal */
  endInput(): boolean {
    const stdin = this.#running ? this.#opened(0) : null
    if (!stdin) return false
    if (stdin.destroyed) return true
    // A leader that is gone or does not read makes this fail, which does not matter to the code that closes the session
    if (stdin.listenerCount('error') === 0) stdin.on('error', () => undefined)
    stdin.end()
    return true
  }

  /** As #stream(). Where a stream cannot be opened, its descriptor is closed, which ends it as well. */
  #opened(index: number): Socket | null {
    try {
      return this.#stream(index)
    } catch {
      this.#handle.discard(index)
      return null
    }
  }

  /** @throws KernelError */
  #stream(index: number): Socket | null {
    try {
      return this.#handle.stream(index)
    } catch (error) {
      throw explained(`cannot open standard stream ${index} of '${this.spawnfile}'`, error)
    }
  }

  #onExit(exit: NativeExit): ExitStatus {
    const status = statusOf(exit)
    this.exitCode = status.code
    this.signalCode = status.signal
    this.#running = false
    this.unref()
    this.#handle.ended()
    emit(this, 'exit', status.code, status.signal)
    this.#awaitStreams(status)
    return status
  }

  /** 'close' comes when the streams are closed, as in child_process, or when all output that is not read is in memory. */
  #awaitStreams({ code, signal }: ExitStatus): void {
    const closed = () => emit(this, 'close', code, signal)
    const streams = this.#handle.keepUnread()
    if (streams.length === 0) setImmediate(closed)
    else void Promise.all(streams).then(closed)
  }

  /** Whether no process can write any more into its streams that were not opened. @internal */
  isWhole(): boolean {
    return this.#handle.isWhole()
  }

  /** No process of its session writes any more. @internal */
  sessionOver(): void {
    this.#handle.sessionOver()
  }
}
