// Our side of a reaper (native/warden/hold.c): it starts the processes of one session, tells how they end, and ends all.

import { constants } from 'node:os'
import type { Cancellation } from '../../common/cancellation.js'
import { setImmediate, setTimeout } from '../../common/clock.js'
import { GuardError, isSystemError } from '../../common/errors.js'
import { within } from '../../common/within.js'
import type { Native, NativeExit } from '../../native/addon.js'
import { DOOR_PREFIX } from '../../native/language.js'
import { keepAlive, Link, type Message, waitForEnd } from '../../native/link.js'
import type { EndPlan } from '../backend.js'
import type { Ended } from '../facts.js'
import { NativeHandle } from '../native-handle.js'
import type { SpawnedProcess } from '../spawned.js'
import type { Keeper } from './keeper.js'
import { type Labels, labelsFile } from './labels.js'

// How much longer than its bounds a reaper may take for ending all; one that was stopped never answers.
const PATIENCE_MS = 2000
// Two forks and a few system calls; a machine that swaps takes its time.
const READY_MS = 30_000
const { ECANCELED, ETIMEDOUT } = constants.errno
const KILLED: NativeExit = { code: -1, signal: constants.signals.SIGKILL }

/** A process that was asked for. */
interface Request {
  fds: number[]
  started: (spawned: { pid: number; pidfd: number }) => void
  refused: (error: Error) => void
  exited: (exit: NativeExit) => void
  pidfd?: number
}

// After the end of its reaper, a command that came in is killed at once
const ENTERED_MS = 10_000

// native/core/door.c: two numbers of 48 bits. 0: there is none
function doorName({ high, low }: { high: number; low: number }): string | undefined {
  const hex = (half: number) => half.toString(16).padStart(12, '0')
  return high === 0 && low === 0 ? undefined : `${DOOR_PREFIX}${hex(high)}${hex(low)}`
}

// Its keeper's connection ends a moment before the keeper
const OUT_MS = 1000
// Libuv has reaped a child of the gateway's long before that, in the turn of the event loop that follows its end
const LEFT_MS = 1000

/**
 * Where we are init, the keeper of a command that came in is ours to reap once it has lost its parent. But a process that connects
 * can say that it is one, also a child of the gateway's for whose exit others wait: so only those that are not reaped in time.
 */
function reapUnlessWaitedFor(native: Native, pidfd: number): void {
  const reap = () => {
    native.reap(pidfd)
    native.close(pidfd)
  }
  setTimeout(() => setImmediate(reap), LEFT_MS).unref() // behind the look at what has ended
}

const ignore = () => undefined

const systemError = (message: string, code: keyof typeof constants.errno, syscall: string) =>
  Object.assign(new Error(message), { errno: -constants.errno[code], syscall })

export class Reaper {
  /** Settles when it is gone, and so is its process. */
  readonly gone: Promise<void>
  /** Whether it was killed: it has not ended the session. */
  lost = false
  /** Whether another process has it end the session. */
  endRequested = false
  pid = 0
  /** What all of the session bear (native/core/mark.h); 0: nothing. */
  mark = 0
  /** The name by which others find it; undefined where it could open none. */
  door: string | undefined

  readonly #native: Native
  readonly #keeper: Keeper
  readonly #startTimeoutMs: number
  readonly #number: number
  readonly #link: Link
  readonly #requests = new Map<number, Request>()
  #last = 0
  #pidfd: number | undefined
  #ended: Ended | undefined
  #heard: ((ended: Ended) => void)[] = []
  #processGone: Promise<unknown> = Promise.resolve()
  #isReady: () => void = ignore
  readonly #ready: Promise<void>
  /** The reapers of commands that came in by the door, by number, with the pidfds of their keepers. */
  readonly #entered = new Map<number, { pid: number; keeper: number }>()
  readonly #left = new Set<() => void>()
  /** Whether it waits for recorded(). */
  #records = false

  constructor(native: Native, keeper: Keeper, startTimeoutMs: number) {
    this.#native = native
    this.#keeper = keeper
    this.#startTimeoutMs = startTimeoutMs
    this.#link = new Link(native, (message) => this.#hear(message))
    this.#ready = new Promise((resolve) => {
      this.#isReady = resolve
    })
    try {
      this.#number = keeper.hold(this.#link.other)
    } catch (error) {
      this.#link.hangUp()
      throw error
    } finally {
      native.close(this.#link.other)
    }
    this.gone = this.#link.gone.then(() => this.#onGone())
  }

  /** Waits until it stands, and gives the name of its door. @throws GuardError when it does not come to that. */
  async ready(): Promise<string | undefined> {
    await keepAlive(this.#native, within(Promise.race([this.#ready, this.gone]), READY_MS))
    if (this.pid !== 0 && !this.lost) return this.door
    this.kill()
    throw new GuardError('the reaper of the session ended before it was ready')
  }

  /** What it tells others of the session. */
  show(labels: Labels): void {
    const fd = labelsFile(this.#native, labels)
    this.#link.send('labels', { fd })
    this.#native.close(fd)
  }

  /** What it writes into a ledger should this process be gone before recorded(). */
  record(words: string): void {
    this.#records = true
    const fd = this.#native.textFile(words)
    this.#link.send('record', { fd })
    this.#native.close(fd)
  }

  /** The line is written, or none is to be. */
  recorded(): void {
    if (!this.#records) return
    this.#records = false
    try {
      this.#link.ask('recorded')
    } catch (error) {
      if (!isSystemError(error)) throw error // it is gone
    }
  }

  /** The pids of all that hold a part of the session: its own, and those of the commands that came in. */
  reapers(): number[] {
    return [this.pid, ...[...this.#entered.values()].map(({ pid }) => pid)]
  }

  /** Calls back once when the first command that came in has ended. Returns the way to stop. */
  watchLeft(ended: () => void): () => void {
    this.#left.add(ended)
    return () => this.#left.delete(ended)
  }

  /** After the reaper's own end: waits until all is gone that holds a command that came in. */
  async enteredGone(): Promise<void> {
    await Promise.all([...this.#entered.keys()].map((id) => this.#awaitOut(id, ENTERED_MS)))
  }

  /** @throws a system error: that of the step that failed; ECANCELED once `cancel` is cancelled. */
  async spawn(plan: string, cancel: Cancellation): Promise<SpawnedProcess> {
    const id = ++this.#last
    const fds = this.#link.sendSpawn(id, plan)
    if (!fds) throw systemError('the reaper of the session is gone', 'ECANCELED', 'spawn')
    const request: Request = { fds, started: ignore, refused: ignore, exited: ignore }
    this.#requests.set(id, request)
    const exited = new Promise<NativeExit>((resolve) => {
      request.exited = resolve
    })
    const starting = new Promise<{ pid: number; pidfd: number }>((resolve, reject) => {
      request.started = resolve
      request.refused = reject
    })
    const started = await keepAlive(this.#native, this.#startedInTime(id, starting, cancel))
    if (started) {
      const { pid, pidfd } = started
      return { pid, handle: new NativeHandle(this.#native, pidfd, fds), createdInPlace: true, exited }
    }
    this.kill()
    await starting // rejects, now that the reaper is killed
    throw systemError('the reaper does not answer', 'ETIMEDOUT', 'spawn')
  }

  /** Undefined when the reaper does not answer even to a cancellation. */
  async #startedInTime<Started>(
    id: number,
    starting: Promise<Started>,
    cancel: Cancellation,
  ): Promise<Started | undefined> {
    const give = (error: number) => void this.#link.send('cancel', { id, error })
    const cancelled = () => give(ECANCELED)
    cancel.on(cancelled)
    try {
      const started = await within(starting, this.#startTimeoutMs)
      if (started) return started
      give(ETIMEDOUT)
      return await within(starting, PATIENCE_MS)
    } finally {
      cancel.off(cancelled)
    }
  }

  /** Ends all below it; a second call hastens the first. Undefined when the reaper was killed. */
  async end({
    graceMs,
    stopSignal = 0,
    killTimeoutMs,
    drainMs = 0,
    keeps = false,
  }: EndPlan): Promise<Ended | undefined> {
    if (this.#ended?.empty) return this.#ended
    if (!keeps) this.recorded()
    const answer = new Promise<Ended>((resolve) => this.#heard.push(resolve))
    // One that was stopped would not hear it
    this.#signal(constants.signals.SIGCONT)
    this.#link.send('end', {
      id: stopSignal,
      graceMs: drainMs > 0 ? -drainMs : graceMs,
      killMs: killTimeoutMs,
    })
    const ended = within(
      Promise.race([answer, this.gone.then(() => this.#ended)]),
      drainMs + graceMs + killTimeoutMs + PATIENCE_MS,
    )
    const found = await keepAlive(this.#native, ended)
    if (found?.empty && !keeps) await keepAlive(this.#native, this.gone)
    if (found) return found
    this.kill()
    await keepAlive(this.#native, this.gone)
    return this.#ended
  }

  /** When it was killed: waits until all that it held is ended. Undefined where its keeper is gone as well. */
  collect(): ReturnType<Keeper['collect']> {
    return this.#keeper.collect(this.#number)
  }

  /** Kills the processes that were asked for, and waits until they are gone. */
  async killKnown(): Promise<number> {
    const known = [...this.#requests.values()].flatMap(({ pidfd }) => pidfd ?? [])
    await Promise.all(known.map((pidfd) => this.#killed(pidfd)))
    return known.length
  }

  /** Kills the reaper itself: what it holds goes to the keeper, which ends it. */
  kill(): void {
    this.#signal(constants.signals.SIGKILL)
    this.#link.hangUp()
  }

  /** One that cannot be reached so has the end of its link to go by. */
  #signal(signal: number): void {
    try {
      if (this.#pidfd !== undefined) this.#native.signal(this.#pidfd, signal)
    } catch {}
  }

  #hear(message: Message): void {
    const { id, fds } = message
    const request = this.#requests.get(id)
    if (message.kind === 'reaperReady') this.#onReady(message, fds.shift())
    else if (message.kind === 'started') this.#onStarted(request, message.pid, fds.shift())
    else if (message.kind === 'door') this.door = doorName(message)
    else if (message.kind === 'endRequested') this.endRequested = true
    else if (message.kind === 'entered') this.#onEntered(id, message.pid, fds.shift())
    else if (message.kind === 'out') void this.#awaitOut(id, OUT_MS)
    else if (message.kind === 'left') this.#onLeft()
    else if (message.kind === 'refused') this.#onRefused(id, request, message.error)
    else if (message.kind === 'exited') {
      this.#requests.delete(id)
      request?.exited({ code: message.code, signal: message.signal })
    } else if (message.kind === 'ended') this.#onEnded(message)
  }

  #onReady({ pid, mark }: { pid: number; mark: number }, pidfd: number | undefined): void {
    this.pid = pid
    this.#keeper.know(pid)
    this.mark = mark
    this.#pidfd = pidfd
    // Where it cannot be watched (no descriptors left), the end of its link has to do
    if (pidfd !== undefined) this.#processGone = waitForEnd(this.#native, pidfd).catch(() => undefined)
    this.#isReady()
  }

  #onEntered(id: number, pid: number, keeper: number | undefined): void {
    if (keeper !== undefined) this.#entered.set(id, { pid, keeper })
  }

  /** It holds nothing any more, or soon. Processes that do not end are not waited for. */
  async #awaitOut(id: number, withinMs: number): Promise<void> {
    const { keeper } = this.#entered.get(id) ?? {}
    this.#entered.delete(id)
    if (keeper === undefined) return
    await this.#native.waitForExit(keeper, withinMs).catch(() => undefined)
    reapUnlessWaitedFor(this.#native, keeper)
  }

  #onLeft(): void {
    for (const ended of this.#left) ended()
    this.#left.clear()
  }

  #onStarted(request: Request | undefined, pid: number, pidfd: number | undefined): void {
    if (pidfd === undefined) return
    if (request) {
      request.pidfd = pidfd
      request.started({ pid, pidfd })
    } else this.#native.close(pidfd)
  }

  #onRefused(id: number, request: Request | undefined, error: Error | undefined): void {
    this.#requests.delete(id)
    if (!request) return
    for (const fd of request.fds) if (fd >= 0) this.#native.close(fd)
    request.refused(error ?? new Error('refused'))
  }

  #onEnded({
    empty,
    killed,
    names,
    left,
    cpuUserMs,
    cpuSystemMs,
  }: Extract<Message, { kind: 'ended' }>): void {
    const usage = { cpuUserMs, cpuSystemMs }
    const ended: Ended = { empty: empty === 1, killed: { count: killed, names }, left, usage }
    if (ended.empty) this.#ended = ended
    for (const heard of this.#heard.splice(0)) heard(ended)
  }

  async #onGone(): Promise<void> {
    this.lost = this.#ended === undefined
    for (const [id, request] of this.#requests) {
      if (request.pidfd === undefined)
        this.#onRefused(id, request, systemError('the reaper was killed', 'ECANCELED', 'spawn'))
      // Nobody tells how it ended. The keeper kills it, or we.
      else void this.#killed(request.pidfd).then(() => request.exited(KILLED))
    }
    await keepAlive(this.#native, this.#processGone)
    if (this.#pidfd !== undefined) this.#native.close(this.#pidfd)
    this.#pidfd = undefined
    if (!this.lost) await Promise.all([...this.#entered.keys()].map((id) => this.#awaitOut(id, 0)))
  }

  async #killed(pidfd: number): Promise<void> {
    try {
      this.#native.signal(pidfd, constants.signals.SIGKILL)
    } catch {
      return // not ours to signal (a setuid program): the keeper names it, where it is left
    }
    await waitForEnd(this.#native, pidfd).catch(() => undefined) // killed it is in any case
  }
}
