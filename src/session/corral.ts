// One instance: its sessions by key, its families, and its end.

import { EventEmitter } from 'node:events'
import path from 'node:path'
import type { Backend, Group, GroupPlan } from '../backend/backend.js'
import type {
  Account,
  AppliedLimit,
  BackendName,
  GuardEvent,
  GuardStatus,
  Left,
  SweepReport,
} from '../backend/facts.js'
import type { EndedEntry, Ledger } from '../backend/ledger.js'
import { changedLimits, type Limits, type ParsedLimits, parseLimitChanges } from '../backend/limits.js'
import type { CommandLine } from '../backend/spawned.js'
import { stuckError } from '../backend/stuck.js'
import { Cancellation } from '../common/cancellation.js'
import { ClosingError, explained, InvalidArgumentError, KeyLiveError, StuckError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import { settleAll } from '../common/settle.js'
import { type CorralEvents, tell } from './events.js'
import { parseKey } from './key.js'
import {
  type CloseOptions,
  type OpenPlan,
  type ParsedClose,
  parseCloseOptions,
  parseResetOptions,
  parseSpawnOptions,
  parseSweepOptions,
  parseWrapOptions,
  type ResetOptions,
  type SessionOptions,
  type SessionPlan,
  type SpawnOptions,
  type SpawnPlan,
  type Stdio,
  type SweepOptions,
  type WrapPlan,
} from './options.js'
import { ContainedProcess, type ProcessWith } from './process.js'
import type { SessionReport } from './report.js'
import { type AnySession, Session, type SessionFacts } from './session.js'
import { FamilyTree, type Member, type SessionNode } from './tree.js'

/** The command line that wrap() returns. Start it in any way. */
export interface WrappedCommand extends CommandLine {
  session: Session<undefined>
}

// What is kept of a command line; a whole one can be megabytes.
const COMMAND_LENGTH = 512

export class Corral extends EventEmitter<CorralEvents> {
  /** The result of the sweep of openCorral(), which came before a listener could be added. Absent where it made none. */
  swept?: SweepReport
  readonly #backend: Backend
  readonly #plan: OpenPlan
  readonly #log: Log
  readonly #ledger: Ledger | undefined
  readonly #families = new FamilyTree()
  /** By key. They hold until they are lifted, also while the family is empty. */
  readonly #familyLimits = new Map<string, ParsedLimits>()
  #closing: Promise<SessionReport[]> | undefined
  /** Counts spawns, for the keys of sessions that were given none. */
  #spawns = 0
  /** Counts groups, for a ledger. */
  #made = 0

  /** Use openCorral(). */
  constructor(backend: Backend, plan: OpenPlan, log: Log, ledger?: Ledger) {
    super()
    this.#ledger = ledger
    this.#backend = backend
    this.#plan = plan
    this.#log = log.of({ corral: backend.instance })
  }

  /** The instance's name, as `corral ls` shows it. */
  get id(): string {
    return this.#backend.instance
  }

  /** The cgroup directory that sessions are built under. Undefined where sessions are held without cgroups. */
  get root(): string | undefined {
    return this.#backend.root
  }

  get backend(): BackendName {
    return this.#backend.name
  }

  /** Whether a guard, which ends all sessions when this process dies, is running now, and how many have died. */
  get guard(): GuardStatus {
    return this.#backend.guard()
  }

  /** For openCorral(). @internal */
  hearOfGuard(event: GuardEvent): void {
    tell(this, 'guard', event)
  }

  /**
   * Starts a session. Resolves once its command has been executed in a group of its own.
   * @throws KeyLiveError when a session of this key is live or not yet removed.
   * @throws ClosingError when its family or the instance is being closed, or was while it started.
   * @throws SpawnError when the command cannot be started. @throws LimitUnsupportedError
   * When it rejects, nothing is left: no process, no directory, no descriptor.
   */
  async spawn<const Given extends Stdio | undefined = undefined>(
    options: SpawnOptions & { stdio?: Given },
  ): Promise<Session<ProcessWith<Given>>> {
    const plan = parseSpawnOptions(options, this.#plan, this.#unusedKey())
    const session = this.#open(plan, (member, cancel) => this.#start(plan, member, cancel))
    return session as Promise<Session<ProcessWith<Given>>>
  }

  /**
   * Prepares a session for the spawn function of another library (node-pty, execa, an agent registry). Resolves with a command
   * line that enters the session and becomes `command`. It keeps the pid, the standard descriptors, the environment and the
   * directory that it was started with. A oneshot session ends when the first process that entered it exits. A
   * persistent one accepts any number of them until it is closed.
   * @throws as spawn(), but a command that cannot be started is reported by the exit status of the wrapped command (126, 127).
   */
  async wrap(
    command: string,
    args: readonly string[] = [],
    options: SessionOptions = {},
  ): Promise<WrappedCommand> {
    const plan = parseWrapOptions(command, args, options, this.#plan, this.#unusedKey())
    return this.#open(plan, (member, cancel) => this.#prepare(plan, member, cancel))
  }

  #unusedKey(): string {
    return `${this.id}-${++this.#spawns}`
  }

  async #open<Opened>(
    plan: SessionPlan,
    open: (member: Member, cancel: Cancellation) => Promise<Opened>,
  ): Promise<Opened> {
    if (plan.signal?.aborted) throw abortReason(plan.signal)
    const member = this.#admit(plan)
    const cancel = new Cancellation()
    const aborted = () => cancel.cancel()
    plan.signal?.addEventListener('abort', aborted, { once: true })
    const starting = open(member, cancel)
    member.starting = { over: starting, cancel }
    try {
      return await starting
    } catch (error) {
      throw cancel.cancelled ? (this.#refusal(plan, member) ?? error) : error
    } finally {
      plan.signal?.removeEventListener('abort', aborted)
      member.starting = undefined
      this.#leaveUnlessLive(member)
    }
  }

  /** The live session of a key. */
  get(key: string): AnySession | undefined {
    return this.#families.find(key)?.session
  }

  /** All sessions of this instance, as a tree. */
  list(): SessionNode[] {
    return this.#families.nodes()
  }

  /**
   * Closes all descendants of a parent key, at any depth, including those that are being spawned. Until it settles,
   * no session can be spawned into the family. Resolves with their reports when all are gone.
   * @throws AggregateError of what could not be closed, after all others were.
   */
  async resetParent(parentKey: string, options: ResetOptions = {}): Promise<SessionReport[]> {
    const { includeParent, close } = parseResetOptions(options)
    const member = this.#families.find(parseKey(parentKey, 'parentKey'))
    if (!member) return []
    const members = this.#families.descendants(member)
    if (includeParent) members.unshift(member)
    member.closings++
    try {
      return await this.#closeAll(members, close)
    } finally {
      member.closings--
      this.#families.leave(member)
    }
  }

  /**
   * Changes the limits on all sessions of this instance together: all of them, or none. null lifts a limit.
   * @throws InvalidLimitError, LimitUnsupportedError, KernelError
   */
  setLimits(limits: Limits): void {
    this.#backend.limits.set(parseLimitChanges(limits, this.#plan.machineMemory))
  }

  /** The limits on all sessions of this instance together. */
  limits(): AppliedLimit[] {
    return this.#backend.limits.get()
  }

  /**
   * Changes the limits on a family together: the session of that key, if it exists, and all its descendants, future ones
   * included. They hold until they are changed again. null lifts a limit.
   * @throws InvalidKeyError, InvalidLimitError, LimitUnsupportedError, KernelError
   */
  async setFamilyLimits(key: string, limits: Limits): Promise<void> {
    const changes = parseLimitChanges(limits, this.#plan.machineMemory)
    const before = this.#familyLimits.get(parseKey(key, 'key'))
    const family = this.#families.find(key)?.family ?? this.#backend.family(key, undefined, before ?? {})
    this.#keepFamilyLimits(key, changedLimits(before ?? {}, changes)) // first: for families that come to be meanwhile
    try {
      await family.limits.set(changes)
    } catch (error) {
      this.#keepFamilyLimits(key, before ?? {})
      throw error
    }
  }

  #keepFamilyLimits(key: string, limits: ParsedLimits): void {
    if (Object.keys(limits).length > 0) this.#familyLimits.set(key, limits)
    else this.#familyLimits.delete(key)
  }

  /** The limits on a family together. Empty while the family is empty. */
  familyLimits(key: string): AppliedLimit[] {
    return this.#families.find(key)?.family.limits.get() ?? []
  }

  /** Ends and removes what dead instances left below the same root. Never touches an instance whose owner lives. */
  async sweep(options: SweepOptions = {}): Promise<SweepReport> {
    const { dryRun } = parseSweepOptions(options)
    const report = await this.#backend.sweep({ dryRun }, this.#ledger)
    if (dryRun) return report // nothing has happened that there would be to tell
    for (const { instance, path, error } of report.failed)
      this.#log.warn('dead instance not collected', { err: error, instance, path })
    for (const foreign of report.foreign ?? [])
      this.#log.warn("a directory beside the instances is not Corral's, and was left as it is", foreign)
    for (const collected of report.collected) this.#log.info('dead instance collected', collected)
    tell(this, 'sweep', report)
    return report
  }

  /** Closes all sessions, then removes the instance. @throws AggregateError of what could not be closed. */
  async close(options: CloseOptions = {}): Promise<SessionReport[]> {
    const { graceMs } = this.#plan
    const close = parseCloseOptions(options, 'close()', { reason: 'corral-closed', graceMs })
    this.#closing ??= this.#close(close).catch((error) => {
      this.#closing = undefined // close() can be tried again
      throw error
    })
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(close: ParsedClose): Promise<SessionReport[]> {
    const reports = await this.#closeAll(this.#families.all(), close).catch((error) => {
      throw this.#withLeft(error)
    })
    await this.#backend.close()
    this.#log.info('closed')
    return reports
  }

  /** The error of closing all, with the processes that starts which were given up have left: they belong to no session. */
  #withLeft(error: unknown): unknown {
    if (!(error instanceof AggregateError)) return error
    const named = new Set(error.errors.flatMap((one) => (one instanceof StuckError ? pidsOf(one) : [])))
    let found: Left
    try {
      found = this.#backend.left()
    } catch {
      return error // that these processes cannot be listed (no descriptors) matters less
    }
    const { path, pids } = found
    const left = pids.filter((pid) => !named.has(pid))
    if (left.length === 0) return error
    const stuck = stuckError(
      'what is left of starts that were given up',
      path,
      left,
      this.#plan.killTimeoutMs,
    )
    return new AggregateError([...error.errors, stuck], `${error.message}; ${stuck.message}`)
  }

  /** Finds the new session's place in the tree of keys and takes it. */
  #admit(plan: SessionPlan): Member {
    if (this.#closing) throw new ClosingError('the corral is being closed')
    const known = this.#families.find(plan.key)
    if (known?.taken)
      throw new KeyLiveError(`session '${plan.key}' is live`, { hint: 'Close it first, or use another key' })
    const parent = plan.parentKey === undefined ? undefined : this.#join(plan.parentKey, undefined)
    const closing = this.#families.closing(parent) ?? this.#families.closing(known)
    if (closing) throw new ClosingError(`the family of '${closing.key}' is being closed`)
    const member = known ?? this.#join(plan.key, parent)
    if (plan.parentKey !== undefined && member.parent?.key !== plan.parentKey) {
      if (parent) this.#families.leave(parent)
      throw new InvalidArgumentError(
        `'${plan.key}' is already below ${member.parent ? `'${member.parent.key}'` : 'no parent'}, with live sessions of its own`,
        {
          hint: 'Spawn a parent before its children, or reset the family first',
        },
      )
    }
    member.taken = true
    return member
  }

  #join(key: string, parent: Member | undefined): Member {
    const limits = this.#familyLimits.get(key) ?? {}
    return this.#families.join(key, parent, () => this.#backend.family(key, parent?.family, limits))
  }

  async #start(plan: SpawnPlan, member: Member, cancel: Cancellation): Promise<Session> {
    const { command, argv } = plan.process
    const groupPlan = this.#groupPlan(plan, command, argv)
    const { group, leader } = await member.family.start(groupPlan, plan.process, cancel)
    const process = new ContainedProcess(plan.process, leader)
    const session = await this.#orEnd(
      group,
      () => new Session(group, process, leader.createdInPlace, this.#facts(plan, groupPlan)),
    )
    return this.#begin(session, plan, member)
  }

  async #prepare(plan: WrapPlan, member: Member, cancel: Cancellation): Promise<WrappedCommand> {
    const groupPlan = this.#groupPlan(plan, plan.command, [plan.command, ...plan.args])
    const group = await member.family.prepare(groupPlan, cancel)
    const facts = this.#facts(plan, groupPlan)
    const session = await this.#orEnd(group, () => new Session(group, undefined, false, facts))
    await this.#begin(session, plan, member)
    try {
      session.awaitEntry()
      return { ...group.entry(plan.command, plan.args), session }
    } catch (error) {
      await session.close({ reason: 'not-prepared', graceMs: 0 })
      throw explained(`cannot prepare session '${plan.key}'`, error)
    }
  }

  /** Takes a step without which a group that stands cannot be a session; where it fails, ends and removes the group. */
  async #orEnd<Made>(group: Group, step: () => Made): Promise<Made> {
    try {
      return step()
    } catch (error) {
      try {
        await group.end({ graceMs: 0, killTimeoutMs: this.#plan.killTimeoutMs })
        await group.remove()
      } catch (left) {
        this.#log.error('session cannot be ended', { err: left, path: group.path }) // close() tries again
      }
      throw error
    }
  }

  #groupPlan(plan: SessionPlan, command: string, words: readonly string[]): GroupPlan {
    const labels = {
      mode: plan.mode,
      command: words.join(' ').slice(0, COMMAND_LENGTH),
      program: path.basename(command),
      id: `${this.id}-${++this.#made}`,
    }
    return { limits: plan.limits, enforcement: this.#plan.enforcement, labels }
  }

  #facts(plan: SessionPlan, { labels }: GroupPlan): SessionFacts {
    const { key, parentKey, mode, graceMs, inputGraceMs, stopSignal, drainMs, timeoutMs } = plan
    const { killTimeoutMs, machineMemory } = this.#plan
    const guardDeaths = () => this.guard.deaths
    const { name: backend, capsAround } = this.#backend
    const ending = { graceMs, inputGraceMs, stopSignal, drainMs, timeoutMs, killTimeoutMs }
    const record = this.#ledger && this.#recorder(this.#ledger, plan, labels)
    return { backend, capsAround, key, parentKey, mode, ...ending, machineMemory, guardDeaths, record }
  }

  /** What writes the line of a session. */
  #recorder(ledger: Ledger, { key, parentKey }: SessionPlan, labels: GroupPlan['labels']) {
    const { name: mechanism, instance } = this.#backend
    const known = {
      writer: 'library' as const,
      mechanism,
      instance,
      id: labels.id,
      key,
      parentKey,
      command: labels.program,
      ...(ledger.plan.args && { commandLine: labels.command }),
    }
    return (account: Account | undefined, ended: EndedEntry) => ledger.record(account, { ...known, ...ended })
  }

  /** Takes a session that was just started into the corral, unless it may not be there any more. */
  async #begin<Begun extends AnySession>(session: Begun, plan: SessionPlan, member: Member): Promise<Begun> {
    this.#adopt(session, member)
    const refusal = this.#refusal(plan, member)
    if (!refusal) {
      this.#follow(session, plan.signal)
      return session
    }
    await session.close({ reason: 'closed-while-starting', graceMs: 0 })
    throw refusal
  }

  /** Why a session that was just started may not go on: what was closed while it started. */
  #refusal(plan: SessionPlan, member: Member): unknown {
    if (plan.signal?.aborted) return abortReason(plan.signal)
    const closing = this.#families.closing(member)
    if (closing)
      return new ClosingError(`the family of '${closing.key}' was closed while '${plan.key}' started`)
    if (this.#closing) return new ClosingError(`the corral was closed while '${plan.key}' started`)
    return undefined
  }

  #adopt(session: AnySession, member: Member): void {
    member.session = session
    session.on('closed', (report) => {
      member.session = undefined
      this.#leaveUnlessLive(member)
      this.#log.info('session closed', report)
      tell(this, 'close', report, session)
    })
    session.on('raised', (limit) =>
      this.#log.warn('limit of a session raised by others', { key: session.key, ...limit }),
    )
    session.on('limit', (hit) => {
      this.#log.warn('limit met', { key: session.key, ...hit })
      tell(this, 'limit', hit, session)
    })
    session.on('pressure', (pressure) => {
      this.#log.warn('under pressure', { key: session.key, ...pressure })
      tell(this, 'pressure', pressure, session)
    })
    session.on('stuck', (error) => {
      this.#log.error('session cannot be ended', { err: error, key: session.key })
      tell(this, 'stuck', error, session)
    })
  }

  #follow(session: AnySession, signal: AbortSignal | undefined): void {
    if (signal) {
      const abort = () => void session.close({ reason: 'aborted' }).catch(() => undefined)
      signal.addEventListener('abort', abort, { once: true })
      session.once('closing', () => signal.removeEventListener('abort', abort))
    }
    this.#log.info('session spawned', {
      key: session.key,
      parentKey: session.parentKey,
      leader: session.process?.pid, // `pid` is the gateway's, in a line of pino
      path: session.path,
    })
    tell(this, 'spawn', session)
  }

  #leaveUnlessLive(member: Member): void {
    if (member.session || member.starting) return
    member.taken = false
    this.#families.leave(member)
  }

  /** Closes every session of `members`. Those being started are given up, and refused. */
  async #closeAll(members: Member[], close: ParsedClose): Promise<SessionReport[]> {
    const closing = members.map(async (member) => {
      member.starting?.cancel.cancel()
      await member.starting?.over.catch(() => undefined)
      return member.session?.close(close)
    })
    const reports = await settleAll(
      closing,
      (failures, count) => `${count} of ${members.length} sessions cannot be closed: ${failures}`,
    )
    return reports.filter((report) => report !== undefined)
  }
}

/** An AbortSignal of another realm need not have a reason. */
const abortReason = ({ reason }: AbortSignal): unknown =>
  reason ?? new DOMException('This operation was aborted', 'AbortError')

const pidsOf = ({ processes }: StuckError) => processes.map(({ pid }) => pid)
