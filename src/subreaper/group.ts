// One session's processes below a holder, from its start to its end.
import path from 'node:path'
import type {
  AppliedLimit,
  CommandLine,
  Ended,
  EndPlan,
  Enforcement,
  Group,
  OutOfMemory,
  ProcessPlan,
  SpawnedProcess,
  Usage,
} from '../backend.js'
import { InvalidArgumentError, KernelError, SpawnError, systemCodeOf, systemDetails } from '../errors.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import type { Native } from '../native.js'
import { packPlan } from '../native-plan.js'
import { Watchdog } from '../watchdog.js'
import { Holder } from './holder.js'
import type { Keeper } from './keeper.js'
import { appliedLimits, assertNoneRequired } from './limits.js'
import { held } from './link.js'

const NOT_HELD = [
  'what the session started is lost if its holder and the keeper of the instance are both killed by SIGKILL',
] as const
const LOST = [
  'holder and keeper were both killed: of what they held, only the processes that the gateway had asked for were ended',
] as const

export class SubreaperGroup implements Group {
  readonly notHeld = NOT_HELD
  readonly #native: Native
  readonly #holder: Holder
  readonly #enforcement: Enforcement
  #wanted: ParsedLimits
  #closing = false
  /** The most that the watchdog, or whoever asked, has seen in use. */
  #peak: number | undefined

  private constructor(native: Native, keeper: Keeper, limits: ParsedLimits, enforcement: Enforcement) {
    this.#native = native
    this.#holder = new Holder(native, keeper)
    this.#wanted = limits
    this.#enforcement = enforcement
  }

  /** Starts a holder, and the leader by it. @throws SpawnError, and nothing is left. */
  static async start(
    native: Native,
    keeper: Keeper,
    { limits, enforcement }: { limits: ParsedLimits; enforcement: Enforcement },
    leader: ProcessPlan,
  ): Promise<{ group: SubreaperGroup; leader: SpawnedProcess }> {
    assertNoneRequired(limits, enforcement)
    const group = new SubreaperGroup(native, keeper, limits, enforcement)
    try {
      return { group, leader: await group.spawn(leader) }
    } catch (error) {
      await group.end({ graceMs: 0, killTimeoutMs: 0 })
      throw error
    }
  }

  get path(): string {
    return `/proc/${this.#holder.pid}`
  }

  limits(): AppliedLimit[] {
    return appliedLimits(this.#wanted, true)
  }

  setLimits(changes: LimitChanges): void {
    assertNoneRequired(changes, this.#enforcement)
    this.#wanted = changedLimits(this.#wanted, changes)
  }

  async spawn(plan: ProcessPlan): Promise<SpawnedProcess> {
    try {
      // The holder has a directory of its own
      const cwd = plan.cwd === undefined ? process.cwd() : path.resolve(plan.cwd)
      return await this.#holder.spawn(packPlan({ ...plan, cwd }))
    } catch (error) {
      const hint = spawnHint(systemCodeOf(error))
      throw new SpawnError(
        `'${plan.command}' cannot be started: ${(error as Error).message}`,
        systemDetails(error, hint),
      )
    }
  }

  entry(): CommandLine {
    throw new InvalidArgumentError('a session without a cgroup cannot be entered')
  }

  watchEntered(): () => void {
    return () => undefined
  }

  async end(plan: EndPlan): Promise<Ended> {
    this.#closing = true
    const ended = (await this.#holder.end(plan)) ?? (await this.#collect())
    if (this.#peak !== undefined) ended.usage.memoryPeakBytes = this.#peak
    return ended
  }

  /** After the holder's own end: its keeper ends all that it held. */
  async #collect(): Promise<Ended> {
    const collected = await this.#holder.collect()
    if (!collected) {
      const count = await this.#holder.killKnown()
      return { empty: true, killed: { count, names: [] }, left: [], usage: {}, notHeld: LOST }
    }
    return { empty: collected.left.length === 0, ...collected, usage: {} }
  }

  usage(): Usage {
    if (this.#holder.pid === 0 || this.isGone()) return {}
    const usage = this.#native.usageBelow(this.#holder.pid)
    return { ...usage, memoryPeakBytes: this.#seen(usage.memoryBytes) }
  }

  outOfMemory(): undefined {
    return undefined
  }

  watchPressure(): () => void {
    return () => undefined
  }

  watchMemory(over: (found: OutOfMemory) => void): (() => void) | undefined {
    if (this.#wanted.memoryMax === undefined) return undefined
    const memoryUsed = async (_path: string, enough: number) => {
      const used = await this.#native.memoryBelow(this.#holder.pid, enough)
      if (used >= enough) this.#seen(used)
      return used
    }
    return new Watchdog({ memoryUsed }).watch({
      path: this.path,
      cap: () => this.#wanted.memoryMax,
      over: (usedBytes, memoryMax) => over({ of: 'session', path: this.path, memoryMax, usedBytes }),
    })
  }

  watchHits(): () => void {
    return () => undefined
  }

  members(): number[] {
    return this.isGone() ? [] : this.#native.descendants(this.#holder.pid)
  }

  isGone(): boolean {
    return this.#holder.lost
  }

  killedBy(): string | undefined {
    return this.#holder.lost ? 'holder-killed' : undefined
  }

  watchKilled(heard: () => void): () => void {
    let stopped = false
    void this.#holder.gone.then(() => {
      if (!stopped) heard()
    })
    return () => {
      stopped = true
    }
  }

  remove(): Promise<void> {
    if (!this.#closing) throw new KernelError('a session is ended before it is removed')
    return held(this.#native, this.#holder.gone)
  }

  #seen(used: number): number {
    this.#peak = Math.max(this.#peak ?? 0, used)
    return this.#peak
  }
}

function spawnHint(code: string | undefined): string | undefined {
  if (code === 'EAGAIN') return 'A limit on processes (RLIMIT_NPROC) is reached'
  if (code === 'ECANCELED') return 'The session was killed'
  return undefined
}
