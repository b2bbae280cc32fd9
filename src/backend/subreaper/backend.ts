// The subreaper backend: sessions where no cgroup is to be had, each below a process to which all orphans of it come.

import { loadNative, type Native } from '../../native/addon.js'
import type { Backend, Enforcement, Family } from '../backend.js'
import type { AppliedLimit, GuardEvent, GuardStatus, Left, SweepOptions, SweepReport } from '../facts.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import { SubreaperFamily } from './family.js'
import { Keepers } from './keeper.js'
import { newHeldInstanceName } from './labels.js'
import { appliedLimits, assertNoneRequired } from './limits.js'
import { sweepLost } from './sweep.js'

export interface SubreaperBackendOptions {
  /** Limits of all sessions together. */
  sessions: ParsedLimits
  enforcement: Enforcement
  killTimeoutMs: number
  startTimeoutMs: number
}

export class SubreaperBackend implements Backend {
  readonly name = 'subreaper'
  readonly capsAround = [] // sessions are in the cgroup of the gateway
  readonly root = undefined
  readonly instance = newHeldInstanceName()
  readonly #native: Native
  readonly #keepers: Keepers
  readonly #enforcement: Enforcement
  readonly #killTimeoutMs: number
  readonly #startTimeoutMs: number
  #limits: ParsedLimits

  private constructor(native: Native, keepers: Keepers, options: SubreaperBackendOptions) {
    this.#native = native
    this.#keepers = keepers
    this.#enforcement = options.enforcement
    this.#killTimeoutMs = options.killTimeoutMs
    this.#startTimeoutMs = options.startTimeoutMs
    this.#limits = options.sessions
  }

  /**
   * Starts the keeper. `tell` hears what becomes of it.
   * @throws LimitUnsupportedError when limits of all sessions together are required.
   * @throws GuardError when the keeper cannot be started: without it no session can.
   */
  static async open(
    options: SubreaperBackendOptions,
    emit: (event: GuardEvent) => void,
  ): Promise<SubreaperBackend> {
    const native = loadNative()
    assertNoneRequired(options.sessions, options.enforcement, 'all sessions')
    // For tests of kernels that do not list children
    const scan = process.env['CORRAL_SCAN_PROC'] === '1'
    const keepers = new Keepers(native, { killTimeoutMs: options.killTimeoutMs, scan }, emit)
    await keepers.start()
    return new SubreaperBackend(native, keepers, options)
  }

  family(key: string, parent: Family | undefined, limits: ParsedLimits): Family {
    const above = parent as SubreaperFamily | undefined
    return new SubreaperFamily(key, above, limits, {
      native: this.#native,
      keepers: this.#keepers,
      instance: this.instance,
      startTimeoutMs: this.#startTimeoutMs,
    })
  }

  /** What a dead gateway held has ended with it, unless keeper and reaper were killed as well. */
  sweep(options: SweepOptions): Promise<SweepReport> {
    return sweepLost(this.#native, { killTimeoutMs: this.#killTimeoutMs }, options)
  }

  setLimits(changes: LimitChanges): void {
    assertNoneRequired(changes, this.#enforcement, 'all sessions')
    this.#limits = changedLimits(this.#limits, changes)
  }

  limits(): AppliedLimit[] {
    return appliedLimits(this.#limits, false)
  }

  guard(): GuardStatus {
    return this.#keepers.status()
  }

  left(): Left {
    return this.#keepers.left()
  }

  close(): Promise<void> {
    return this.#keepers.finish()
  }
}
