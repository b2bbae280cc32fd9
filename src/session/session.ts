// One session, from its spawn to its report:
//
//   running --close(), leader's exit--> closing --populated 0--> empty --rmdir--> removed
//                                          \--killTimeoutMs over--> stuck (close() again tries again)

import { EventEmitter } from 'node:events'
import type { EndPlan, Group, GroupEvent } from '../backend/backend.js'
import {
  type Account,
  type AppliedLimit,
  type BackendName,
  type CapAround,
  type Ended,
  hitsOf,
  type LimitHit,
  type OutOfMemory,
  type Pressure,
  type RaisedLimit,
  type Usage,
} from '../backend/facts.js'
import type { EndedEntry } from '../backend/ledger.js'
import { type Limits, parseLimitChanges } from '../backend/limits.js'
import { describeProcess, listProcesses, stuckError } from '../backend/stuck.js'
import { Cancellation } from '../common/cancellation.js'
import { clearInterval, clearTimeout, LONGEST_MS, now, setInterval, setTimeout } from '../common/clock.js'
import { emit } from '../common/emit.js'
import {
  ClosingError,
  CorralError,
  failure,
  isSystemError,
  KernelError,
  StuckError,
  systemCodeOf,
} from '../common/errors.js'
import type { Reason, SessionReason } from '../common/reasons.js'
import { within } from '../common/within.js'
import {
  type CloseOptions,
  type Mode,
  type ProcessOptions,
  parseCloseOptions,
  parseProcessOptions,
  type Stdio,
} from './options.js'
import { ContainedProcess, type ExitStatus, type ProcessWith } from './process.js'
import type { SessionReport } from './report.js'
import { oldestNow, Segments } from './segments.js'

export type SessionState = 'running' | 'closing' | 'empty' | 'removed' | 'stuck'

/** What was applied to a session. */
export interface Receipt {
  backend: BackendName
  /** The cgroup directory that holds the session's processes, or /proc/PID of its reaper. '' where nothing holds them. */
  path: string
  /** Whether the leader was created in its group (CLONE_INTO_CGROUP) or moved there before exec. */
  createdInPlace: boolean
  limits: AppliedLimit[]
  /** What can escape this mechanism, in words. Absent where nothing can. */
  notHeld?: readonly string[]
  /** Caps that bound the gateway and not this session. Absent where there are none. */
  capsAround?: readonly CapAround[]
}

/** Any session of an instance: of spawn() or of wrap(). */
export type AnySession = Session<ContainedProcess | undefined>

export interface SessionFacts {
  backend: BackendName
  capsAround: readonly CapAround[]
  key: string
  parentKey: string | undefined
  mode: Mode
  graceMs: number
  /** Undefined: derived from graceMs. */
  inputGraceMs: number | undefined
  stopSignal: number
  drainMs: number
  timeoutMs: number | undefined
  killTimeoutMs: number
  /** The memory of which a limit of '25%' is a share, in bytes. */
  machineMemory: () => number
  /** How many guards of the instance have died so far. */
  guardDeaths: () => number
  /** Writes its line into the ledger. Absent where there is none. */
  record?: ((account: Account | undefined, ended: EndedEntry) => Promise<void>) | undefined
}

// The group is empty, so the leader has ended; only the report of its exit may be under way. A zombie leader held by a
// tracer outside the session is the one case in which it does not come.
const EXIT_NEWS_MS = 1000
// The part of the grace period after the end of input, where no option sets it
const INPUT_GRACE_MS = 500
const INPUT_GRACE_PART = 4

/** How long the steps of an ending may take, in ms. */
interface Times {
  graceMs: number
  inputGraceMs?: number | undefined
  drainMs?: number
}

/** Of inotify_init(2) and inotify_add_watch(2), as Node names both: EMFILE may be either limit. */
function entryHint(error: unknown): string | undefined {
  const code = systemCodeOf(error)
  if (code === 'ENOSPC') return 'Raise fs.inotify.max_user_watches (sysctl), or close other sessions first'
  if (code !== 'EMFILE') return undefined
  const watches = isSystemError(error) && error.syscall === 'watch'
  return watches
    ? 'Raise fs.inotify.max_user_instances (sysctl), or RLIMIT_NOFILE of the gateway; or close other sessions first'
    : 'Raise RLIMIT_NOFILE of the gateway, or close other sessions first'
}

export interface SessionEvents {
  closing: [reason: Reason]
  /** A limit was met, with the count so far. Sessions without limits of their own are not watched. */
  limit: [hit: LimitHit]
  /** Another process than the gateway has raised a limit: one of the session that may write to its own cgroup, or `corral set`. */
  raised: [limit: RaisedLimit]
  /** Its processes wait for memory. Only sessions with a cap on memory are watched, where the kernel has PSI. */
  pressure: [pressure: Pressure]
  closed: [report: SessionReport]
  /** A process outlived SIGKILL (StuckError), or the kernel refused a step. close() tries again. */
  stuck: [error: Error]
}

/** `process` is the leader of a session that spawn() started. A session that wrap() prepared has none. */
export class Session<
  Process extends ContainedProcess | undefined = ContainedProcess,
> extends EventEmitter<SessionEvents> {
  readonly key: string
  readonly parentKey?: string
  readonly mode: Mode
  /** The leader, as a Node ChildProcess. */
  readonly process: Process
  /** As `closed`, but without keeping the event loop alive. @internal */
  readonly over: Promise<SessionReport>
  /** Milliseconds since the epoch. */
  readonly startedAt = Date.now()
  state: SessionState = 'running'
  report?: SessionReport

  readonly #group: Group
  #receipt: Receipt
  readonly #facts: SessionFacts
  readonly #started = now()
  readonly #guardDeathsBefore: number
  #settle!: { resolve: (report: SessionReport) => void; reject: (error: unknown) => void }
  #outOfMemory: OutOfMemory | undefined
  readonly #hitsTold = new Set<LimitHit['kind']>()
  #closing: Promise<SessionReport> | undefined
  /** When the closing under way began, and when what is left is killed (now()). */
  #graceBegan = 0
  #killsAt = Number.POSITIVE_INFINITY
  #hastened: Promise<Ended> | undefined
  /** Once `closed` was read. */
  #awaited = false
  /** While only input has ended: cuts that short. */
  #inputGrace: Cancellation | undefined
  /** Processes whose output may not have been read yet. */
  readonly #writers = new Set<ContainedProcess>()
  readonly #segments = new Segments()
  /** Cancels all starts when the session is closed: an ending waits for none. */
  readonly #cancel = new Cancellation()

  constructor(group: Group, process: Process, createdInPlace: boolean, facts: SessionFacts) {
    super()
    this.key = facts.key
    if (facts.parentKey !== undefined) this.parentKey = facts.parentKey
    this.mode = facts.mode
    this.process = process
    const { path, notHeld } = group
    this.#receipt = { backend: facts.backend, path, createdInPlace, limits: group.limits.get() }
    if (notHeld.length > 0) this.#receipt.notHeld = notHeld
    if (facts.capsAround.length > 0) this.#receipt.capsAround = facts.capsAround
    this.#group = group
    this.#facts = facts
    this.#guardDeathsBefore = facts.guardDeaths()
    this.over = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.over.catch(() => undefined) // the 'stuck' event reports it to callers that do not wait
    if (process) {
      this.#follow(process)
      void process.exited.then(() => this.#onLeaderExit())
    }
    this.once(
      'closing',
      group.watch('limits', (event) => this.#hear(event)),
    )
    if (facts.timeoutMs !== undefined) this.#endAfter(facts.timeoutMs)
  }

  #endAfter(ms: number): void {
    const late = setTimeout(() => this.#closeUnasked('timeout', this.#facts.graceMs), ms).unref()
    this.once('closing', () => clearTimeout(late))
  }

  /**
   * Settles when the session has ended: with its report once the group is empty and removed, or a StuckError. Reading it keeps
   * the event loop alive until then, also for a session of wrap() and one whose leader has ended.
   */
  get closed(): Promise<SessionReport> {
    if (!this.#awaited) {
      const alive = setInterval(() => undefined, LONGEST_MS)
      const over = () => clearInterval(alive)
      this.#awaited = true
      this.over.then(over, over)
    }
    return this.over
  }

  /** The path of the receipt, without reading anything. @internal */
  get path(): string {
    return this.#receipt.path
  }

  /**
   * What is applied to the session, read back from the kernel now, because other programs may have changed it (`corral set`, caps of its
   * family). When the session has ended: as it was last.
   */
  get receipt(): Receipt {
    this.#readLimits()
    return this.#receipt
  }

  #readLimits(): void {
    if (this.state !== 'running') return
    try {
      this.#receipt = { ...this.#receipt, limits: this.#group.limits.get() }
    } catch (error) {
      if (!isSystemError(error)) throw error // its group has gone meanwhile
    }
  }

  #hear(event: GroupEvent): void {
    if (event.event === 'limit-hit') this.#tellHit(event.hit)
    else if (event.event === 'limit-raised') emit(this, 'raised', event.limit)
    else if (event.event === 'pressure') emit(this, 'pressure', event.pressure)
    else if (event.event === 'entered-left') this.#onLeaderExit()
    else if (event.event === 'fate') this.#checkFate()
    else {
      this.#outOfMemory = event.found
      this.#closeUnasked('memory-limit', 0)
    }
  }

  #tellHit(hit: LimitHit): void {
    this.#hitsTold.add(hit.kind)
    emit(this, 'limit', hit)
  }

  /**
   * For a session of wrap(): follows the process that enters it.
   * @throws KernelError when no descriptors or inotify watches are left to watch for it.
   */
  awaitEntry(): void {
    try {
      this.#watchFate()
    } catch (error) {
      throw failure(
        KernelError,
        `cannot watch for processes that enter '${this.key}'`,
        error,
        entryHint(error),
      )
    }
  }

  /**
   * Starts a further process in the session (an ACP terminal, an MCP server that the host starts).
   * @throws ClosingError when the session is being closed or has ended.
   * @throws SpawnError when the command cannot be started.
   */
  async spawn<const Given extends Stdio | undefined = undefined>(
    command: string,
    args?: readonly string[],
    options?: ProcessOptions & { stdio?: Given },
  ): Promise<ProcessWith<Given>> {
    const plan = parseProcessOptions(command, args, options)
    this.#assertOpen()
    try {
      const process = new ContainedProcess(plan, await this.#group.spawn(plan, this.#cancel))
      this.#follow(process)
      return process as ProcessWith<Given>
    } catch (error) {
      if (systemCodeOf(error) === 'ECANCELED') this.#assertOpen()
      throw error
    }
  }

  #follow(process: ContainedProcess): void {
    this.#writers.add(process)
    const oldest = oldestNow()
    void process.exited.then(() => this.#segments.noteOf(process.pid, oldest))
    process.once('close', () => {
      if (process.isWhole()) this.#writers.delete(process)
    })
  }

  /**
   * Changes limits of the live session: all of them, or none. null lifts a limit. The receipt has the result. A cap
   * below current use makes the kernel reclaim memory, and then kill.
   * @throws InvalidLimitError, LimitUnsupportedError, KernelError, and ClosingError when the session has ended.
   */
  setLimits(limits: Limits): void {
    const changes = parseLimitChanges(limits, this.#facts.machineMemory)
    this.#assertOpen()
    this.#group.limits.set(changes)
    this.#readLimits()
  }

  /**
   * Its limits as the kernel holds them now. The receipt has the same, and keeps the last ones when the session has ended.
   * @throws KernelError when they cannot be read because the session has ended.
   */
  limits(): AppliedLimit[] {
    return this.#group.limits.get()
  }

  /** What the session uses now, as far as the kernel counts it. */
  usage(): Usage {
    return this.#group.usage()
  }

  /** The pids of all its processes now. */
  members(): number[] {
    return this.#group.members()
  }

  /**
   * Ends the session. First the leader's standard input is ended. When the leader has exited, or after inputGraceMs, all
   * processes get SIGTERM (stopSignal). After graceMs the rest is killed. Resolves when the kernel reports the group empty and
   * its directory is removed. A second call gets the same report; a shorter graceMs shortens the first.
   * @throws StuckError that names the processes, when some outlive SIGKILL for killTimeoutMs. Calling again tries again.
   */
  close(options: CloseOptions = {}): Promise<SessionReport> {
    try {
      const { graceMs } = this.#facts
      const { reason, ...times } = parseCloseOptions(options, 'close()', { reason: 'closed', graceMs })
      // The caller may close it because its connection has ended, which another program's kill can have caused
      const fate = this.state === 'running' ? this.#group.fate() : undefined
      return this.#close(fate?.reason ?? reason, times)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #assertOpen(): void {
    if (this.state !== 'running')
      throw new ClosingError(
        `session '${this.key}' ${this.state === 'removed' ? 'has ended' : 'is being closed'}`,
      )
  }

  #onLeaderExit(): void {
    if (this.state !== 'running') return
    this.#checkFate(!this.process || this.process.signalCode === 'SIGKILL')
    if (this.state !== 'running') return
    if (this.mode === 'oneshot') this.#closeUnasked('oneshot-complete', 0, this.#facts.drainMs)
    else if (this.process) this.#watchWithoutLeader()
  }

  /** Closes the session when another program (`corral kill`), or with `withMemory` the kernel, has ended its group. */
  #checkFate(withMemory = false): void {
    if (this.state !== 'running') return
    const fate = this.#group.fate(withMemory)
    if (!fate) return
    this.#outOfMemory = fate.outOfMemory
    // The kernel kills a session whole: a persistent one has nothing left to go on with. Any other killer may have left the
    // others a grace period; a oneshot session ends them with its leader
    this.#closeUnasked(fate.reason, fate.outOfMemory || this.mode === 'oneshot' ? 0 : this.#facts.graceMs)
  }

  /** The leader's exit tells of a kill; a session that goes on without one has to listen. */
  #watchWithoutLeader(): void {
    try {
      this.#watchFate()
    } catch (error) {
      if (!isSystemError(error)) throw error // no watches left, or the group is gone: found out at the next call
    }
  }

  #watchFate(): void {
    this.once(
      'closing',
      this.#group.watch('fate', (event) => this.#hear(event)),
    )
    this.#checkFate() // it may have been while nobody watched
  }

  /** A close without a caller that waits: `closed` and the 'stuck' event report its failure. */
  #closeUnasked(reason: SessionReason, graceMs: number, drainMs = 0): void {
    this.#close(reason, { graceMs, drainMs }).catch(() => undefined)
  }

  #close(reason: Reason, times: Times): Promise<SessionReport> {
    const { graceMs, drainMs = 0 } = times
    if (this.#closing && this.state !== 'stuck') {
      if (now() + graceMs < this.#killsAt) this.#shorten(graceMs)
      return this.#closing
    }
    this.state = 'closing'
    this.#graceBegan = now()
    this.#killsAt = this.#graceBegan + drainMs + graceMs
    emit(this, 'closing', reason)
    this.#closing = this.#end(reason, times)
    this.#closing.then(this.#settle.resolve, this.#settle.reject)
    return this.#closing
  }

  #shorten(graceMs: number): void {
    this.#killsAt = now() + graceMs
    if (this.#inputGrace) {
      this.#inputGrace.cancel() // what follows it gets no more than that
      return
    }
    this.#hastened = this.#group.end({ ...this.#endPlan(), graceMs })
    this.#hastened.catch(() => undefined) // the closing under way meets the same failure
  }

  async #end(reason: Reason, times: Times): Promise<SessionReport> {
    const { graceMs, drainMs = 0 } = times
    try {
      this.#cancel.cancel()
      this.#noteSegments()
      this.#group.willEnd()
      const rest = graceMs > 0 ? await this.#endInput(times) : 0
      const ended = await this.#killAll(rest, drainMs)
      // Whole microseconds: sums and differences of floating-point times are not exact
      const until = Math.min(now(), this.#killsAt)
      const graceUsedMs = graceMs === 0 ? 0 : Math.round((until - this.#graceBegan) * 1000) / 1000
      this.state = 'empty'
      const exit = await this.#leaderExit()
      for (const process of this.#writers) process.sessionOver()
      // Word of it can come later than the end of the connection that it brought about
      const told = this.#group.fate()?.reason === 'corral-kill' ? 'corral-kill' : reason
      await this.#record(told, ended, exit)
      await this.#group.remove()
      this.state = 'removed'
      this.report = this.#makeReport(told, { graceMs, graceUsedMs }, ended, exit)
      // What ended the session may have ended the watch before it told
      for (const hit of this.report.hits) if (!this.#hitsTold.has(hit.kind)) this.#tellHit(hit)
      emit(this, 'closed', this.report)
      return this.report
    } catch (error) {
      this.state = 'stuck'
      emit(this, 'stuck', error)
      throw error
    }
  }

  #noteSegments(): void {
    this.#segments.noteMembers(() => {
      try {
        return this.#group.members()
      } catch (error) {
        if (error instanceof CorralError || isSystemError(error)) return [] // no report is a precondition of an ending
        throw error
      }
    })
  }

  /**
   * The first part of the grace time, in which the leader has heard of the end of its input only. Resolves with what is left of the
   * grace time.
   */
  async #endInput({ graceMs, inputGraceMs = this.#facts.inputGraceMs }: Times): Promise<number> {
    const ms = Math.min(inputGraceMs ?? Math.min(graceMs / INPUT_GRACE_PART, INPUT_GRACE_MS), graceMs)
    const { process } = this
    if (!process?.endInput() || ms === 0) return graceMs
    const cut = new Cancellation()
    this.#inputGrace = cut
    await new Promise<void>((resolve) => {
      const over = setTimeout(resolve, ms)
      const early = () => {
        clearTimeout(over)
        resolve()
      }
      cut.on(early)
      void process.exited.then(early)
    })
    this.#inputGrace = undefined
    return Math.max(0, Math.ceil(this.#killsAt - now()))
  }

  #endPlan(): Omit<EndPlan, 'graceMs'> {
    const { killTimeoutMs, stopSignal, record } = this.#facts
    return { killTimeoutMs, stopSignal, ...(record && { keeps: true }) }
  }

  async #killAll(graceMs: number, drainMs: number): Promise<Ended> {
    const { killTimeoutMs } = this.#facts
    const ended = await this.#group.end({ ...this.#endPlan(), graceMs, drainMs }).catch((error) => {
      throw this.#withLeader(error)
    })
    if (!ended.empty) throw stuckError(`session '${this.key}'`, this.#group.path, ended.left, killTimeoutMs)
    const hastened = await this.#hastened?.catch(() => undefined)
    if (!hastened) return ended
    // Of two that ended one group, one did the killing, and one came in time to read the counters
    const killed = hastened.killed.count > ended.killed.count ? hastened.killed : ended.killed
    return { ...ended, killed, usage: { ...hastened.usage, ...ended.usage } }
  }

  /** The error of an ending that failed, with its leader where that still runs. */
  #withLeader(error: unknown): unknown {
    const { process } = this
    const leader = process && process.exitCode === null && process.signalCode === null
    const found = leader ? describeProcess(process.pid) : undefined
    if (!found || !(error instanceof CorralError)) return error
    const { errno, path, syscall, hint } = error
    const { message = error.message } = (error.cause ?? {}) as Partial<Error>
    return new StuckError(
      `session '${this.key}' cannot be ended, and its leader ${listProcesses([found])} is still running: ${message}`,
      [found],
      { errno, path, syscall, hint, cause: error },
    )
  }

  /** The leader's exit, of which the news may still be under way; undefined when it does not come, or is not ours to know. */
  async #leaderExit(): Promise<ExitStatus | undefined> {
    return this.process && within(this.process.exited, EXIT_NEWS_MS)
  }

  async #record(
    reason: Reason,
    { killed, usage, account }: Ended,
    exit: ExitStatus | undefined,
  ): Promise<void> {
    const { startedAt } = this
    const { code: exitCode = null, signal = null } = exit ?? {}
    await this.#facts.record?.(account, { reason, startedAt, exitCode, signal, killed, usage })
  }

  #makeReport(
    reason: Reason,
    grace: Pick<SessionReport, 'graceMs' | 'graceUsedMs'>,
    { killed, usage, notHeld, moved, limitsRaised }: Ended,
    exit: ExitStatus | undefined,
  ): SessionReport {
    const segmentsLeft = this.#segments.left()
    return {
      key: this.key,
      ...(this.parentKey !== undefined && { parentKey: this.parentKey }),
      mode: this.mode,
      reason,
      exitCode: exit?.code ?? null,
      signal: exit?.signal ?? null,
      startedAt: this.startedAt,
      wallMs: now() - this.#started,
      closeMs: now() - this.#graceBegan,
      ...grace,
      killed,
      guardDeaths: this.#facts.guardDeaths() - this.#guardDeathsBefore,
      hits: hitsOf(usage),
      ...(this.#outOfMemory && { outOfMemory: this.#outOfMemory }),
      usage,
      ...(notHeld && { notHeld }),
      ...(moved && { moved }),
      ...(limitsRaised && { limitsRaised }),
      ...(segmentsLeft && { segmentsLeft }),
    }
  }
}
