// One session's processes below a reaper, from its start to its end.

import { statSync } from 'node:fs'
import path from 'node:path'
import type { Cancellation } from '../../common/cancellation.js'
import { explained, KernelError, systemCodeOf } from '../../common/errors.js'
import { type Native, wardenPath } from '../../native/addon.js'
import { keepAlive } from '../../native/link.js'
import { packPlan } from '../../native/plan.js'
import type { EndPlan, Fate, GroupEvent, GroupPlan, LimitSet } from '../backend.js'
import { BaseGroup, UnheldLimits } from '../base.js'
import type { Ended, OutOfMemory, Usage } from '../facts.js'
import { type LedgerPlan, packRecord } from '../ledger.js'
import type { LimitChanges } from '../limits.js'
import { othersOf } from '../others.js'
import type { CommandLine, ProcessPlan, SpawnedProcess } from '../spawned.js'
import { KILLED_MS, spawnError } from '../starts.js'
import { Watchdog } from '../watchdog.js'
import { Watches } from '../watches.js'
import type { Keeper } from './keeper.js'
import type { Labels } from './labels.js'
import { doorWords } from './launch.js'
import { HINT } from './limits.js'
import { Reaper } from './reaper.js'

const NOT_HELD = [
  'processes of the session are lost if its reaper and the keeper of the instance are both killed by SIGKILL',
] as const
const LOST = [
  'the reaper and the keeper were both killed: only the processes that the gateway had started were ended',
] as const

/** What all groups of one instance share. */
export interface GroupContext {
  native: Native
  startTimeoutMs: number
  ledger: LedgerPlan | undefined
}

export class SubreaperGroup extends BaseGroup {
  readonly #native: Native
  readonly #startTimeoutMs: number
  readonly #reaper: Reaper
  readonly #limits: UnheldLimits
  #labels: Labels
  #closing = false
  /** Its first process is somebody else's. */
  #isEntered = false
  readonly #watches = new Watches()
  /** The most that the watchdog, or a call of usage(), has seen in use. */
  #peak: number | undefined

  /** Of whom it is the session; undefined: ours. */
  #user: { uid: number | undefined; gid: number | undefined } = { uid: undefined, gid: undefined }

  private constructor(
    { native, startTimeoutMs }: GroupContext,
    keeper: Keeper,
    { limits, enforcement }: Pick<GroupPlan, 'limits' | 'enforcement'>,
    labels: Labels,
  ) {
    super()
    this.#limits = new UnheldLimits(limits, { enforcement, hint: HINT, isWatched: true })
    this.#native = native
    this.#startTimeoutMs = startTimeoutMs
    this.#reaper = new Reaper(native, keeper, startTimeoutMs)
    this.#labels = labels
  }

  /** Starts a reaper; `entered`: whose door stands open. @throws LimitUnsupportedError, KernelError, and nothing is left. */
  static async make(
    context: GroupContext,
    keeper: Keeper,
    plan: GroupPlan,
    labels: Labels,
    entered: boolean,
  ): Promise<SubreaperGroup> {
    const group = await SubreaperGroup.#make(context, keeper, plan, labels)
    group.#isEntered = entered
    if (!entered || (await group.#reaper.ready()) !== undefined) return group
    await group.#discard()
    throw new KernelError('the session cannot be entered: its reaper cannot open a socket', {
      hint: 'Allow abstract UNIX sockets (unix(7)), which this container or sandbox may forbid',
    })
  }

  /** Starts the first process. @throws SpawnError, and nothing is left of the group. */
  async lead(leader: ProcessPlan, cancel: Cancellation): Promise<SpawnedProcess> {
    try {
      this.#user = { uid: leader.uid, gid: leader.gid }
      return await this.spawn(leader, cancel)
    } catch (error) {
      await this.#discard()
      throw error
    }
  }

  /** Waits for what was killed; what outlives that goes to the keeper, which tries again for as long as it takes. */
  async #discard(): Promise<void> {
    const { empty } = await this.end({ graceMs: 0, killTimeoutMs: KILLED_MS })
    if (!empty) this.#reaper.kill()
  }

  static async #make(
    context: GroupContext,
    keeper: Keeper,
    plan: GroupPlan,
    labels: Labels,
  ): Promise<SubreaperGroup> {
    let group: SubreaperGroup | undefined
    try {
      group = new SubreaperGroup(context, keeper, plan, labels)
      group.#reaper.show(labels)
      if (context.ledger) group.#reaper.record(packRecord(context.ledger, { ...labels, ...plan.labels }))
      return group
    } catch (error) {
      if (group) await group.#discard()
      throw explained('the session cannot be held', error)
    }
  }

  get notHeld(): readonly string[] {
    return [
      ...(this.#reaper.mark === 0 ? NOT_HELD : []),
      ...othersOf('subreaper', this.#user.uid, this.#user.gid),
    ]
  }

  get path(): string {
    return `/proc/${this.#reaper.pid}`
  }

  get limits(): LimitSet {
    return { get: () => this.#limits.get(), set: (changes) => this.#setLimits(changes) }
  }

  #setLimits(changes: LimitChanges): void {
    this.#limits.set(changes)
    const { memoryMax: _, ...labels } = this.#labels
    const { memoryMax } = this.#limits.wanted
    this.#labels = { ...labels, ...(memoryMax !== undefined && { memoryMax }) }
    this.#reaper.show(this.#labels)
    this.#watches.arm()
  }

  async spawn(plan: ProcessPlan, cancel: Cancellation): Promise<SpawnedProcess> {
    try {
      const cwd = path.isAbsolute(plan.cwd ?? '') ? plan.cwd : `${ownDirectory()}/${plan.cwd ?? ''}`
      return await this.#reaper.spawn(packPlan({ ...plan, cwd }), cancel)
    } catch (error) {
      throw spawnError(plan.command, error, this.#startTimeoutMs, spawnHint(systemCodeOf(error)))
    }
  }

  override entry(command: string, args: readonly string[]): CommandLine {
    const words = doorWords(this.#reaper.door ?? '', this.#startTimeoutMs)
    return { command: wardenPath(), args: [...words, '--', command, ...args] }
  }

  async end(plan: EndPlan): Promise<Ended> {
    this.#closing = true
    const ended = (await this.#reaper.end(plan)) ?? (await this.#collect(plan))
    if (this.#peak !== undefined) ended.usage.memoryPeakBytes = this.#peak
    return ended
  }

  /** After the reaper's own end: its keeper ends all that it held, or where that was killed too, we. */
  async #collect({ killTimeoutMs }: EndPlan): Promise<Ended> {
    const collected = await this.#reaper.collect()
    await this.#reaper.enteredGone()
    if (collected) return { empty: collected.left.length === 0, ...collected, usage: {} }
    const { mark } = this.#reaper
    if (mark !== 0) {
      const { killed: count, names, ...ended } = await this.#native.endMarked(mark, killTimeoutMs)
      return { ...ended, killed: { count, names }, usage: {} }
    }
    const count = await this.#reaper.killKnown()
    return { empty: true, killed: { count, names: [] }, left: [], usage: {}, notHeld: LOST }
  }

  override usage(): Usage {
    if (this.#reaper.pid === 0 || this.#reaper.lost) return {}
    const [own, ...others] = this.#reapers().map((pid) => this.#native.usageBelow(pid))
    if (!own) return {}
    for (const other of others)
      for (const name of ['pids', 'memoryBytes', 'cpuUserMs', 'cpuSystemMs'] as const)
        own[name] += other[name]
    return { ...own, memoryPeakBytes: this.#seen(own.memoryBytes) }
  }

  override watch(subject: 'limits' | 'fate', listener: (event: GroupEvent) => void): () => void {
    if (subject === 'fate') return this.#watchFate(listener)
    return this.#watches.add([
      () => this.#watchMemory((found) => listener({ event: 'out-of-memory', found })),
    ])
  }

  #watchFate(listener: (event: GroupEvent) => void): () => void {
    let stopped = false
    const stopEntered = this.#isEntered && this.#reaper.watchLeft(() => listener({ event: 'entered-left' }))
    void this.#reaper.gone.then(() => {
      if (!stopped) listener({ event: 'fate' })
    })
    return () => {
      stopped = true
      if (stopEntered) stopEntered()
    }
  }

  #watchMemory(over: (found: OutOfMemory) => void): (() => void) | undefined {
    if (this.#limits.wanted.memoryMax === undefined) return undefined
    const memoryUsed = async (_path: string, enough: number) => {
      const looks = this.#reapers().map((pid) => this.#native.memoryBelow(pid, enough))
      const used = (await Promise.all(looks)).reduce((sum, one) => sum + one, 0)
      if (used >= enough) this.#seen(used)
      return used
    }
    return new Watchdog({ memoryUsed }).watch({
      path: this.path,
      cap: () => this.#limits.wanted.memoryMax,
      over: (usedBytes, memoryMax) => over({ of: 'session', path: this.path, memoryMax, usedBytes }),
    })
  }

  members(): number[] {
    if (this.#reaper.lost) return []
    return [...new Set(this.#reapers().flatMap((pid) => this.#native.descendants(pid)))]
  }

  /** Those of commands that were started within the session are below its own. */
  #reapers(): number[] {
    const [own = 0, ...others] = this.#reaper.reapers()
    if (others.length === 0) return [own]
    const below = new Set(this.#native.descendants(own))
    return [own, ...others.filter((pid) => !below.has(pid))]
  }

  override fate(): Fate | undefined {
    if (this.#reaper.endRequested) return { reason: 'corral-kill' }
    return this.#reaper.lost ? { reason: 'holder-killed' } : undefined
  }

  override remove(): Promise<void> {
    if (!this.#closing) throw new KernelError('a session is ended before it is removed')
    this.#reaper.recorded()
    return keepAlive(this.#native, this.#reaper.gone)
  }

  #seen(used: number): number {
    this.#peak = Math.max(this.#peak ?? 0, used)
    return this.#peak
  }
}

/**
 * The reaper has a directory of its own, so ours is named: by the link that the kernel follows without a path, since that may lead
 * elsewhere by now, or nowhere (proc_pid_cwd(5)). A process that is not dumpable shows none to its reaper.
 */
function ownDirectory(): string {
  const isShown = statSync('/proc/self').uid === process.geteuid?.()
  return isShown ? `/proc/${process.pid}/cwd` : process.cwd()
}

function spawnHint(code: string | undefined): string | undefined {
  if (code === 'EAGAIN') return 'Raise the limit on processes that was reached: RLIMIT_NPROC'
  if (code === 'ECANCELED') return 'Start another session: this one was killed'
  return undefined
}
