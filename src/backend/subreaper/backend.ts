// The subreaper backend: sessions without a usable cgroup, each below a process that adopts all orphans of it.

import { loadNative, type Native } from '../../native/addon.js'
import type { Enforcement, Family } from '../backend.js'
import { BaseBackend, UnheldLimits } from '../base.js'
import type { GuardEvent, GuardStatus, Left, SweepOptions, SweepReport } from '../facts.js'
import type { LedgerPlan } from '../ledger.js'
import type { ParsedLimits } from '../limits.js'
import { SubreaperFamily } from './family.js'
import { Keepers } from './keeper.js'
import { newHeldInstanceName } from './labels.js'
import { HINT } from './limits.js'
import { sweepLost } from './sweep.js'

export interface SubreaperBackendOptions {
  /** Limits of all sessions together. */
  sessions: ParsedLimits
  enforcement: Enforcement
  killTimeoutMs: number
  startTimeoutMs: number
  /** Gets the lines of sessions that outlive this process. */
  ledger?: LedgerPlan | undefined
}

export class SubreaperBackend extends BaseBackend {
  readonly name = 'subreaper'
  readonly instance = newHeldInstanceName()
  readonly limits: UnheldLimits
  readonly #native: Native
  readonly #keepers: Keepers
  readonly #enforcement: Enforcement
  readonly #killTimeoutMs: number
  readonly #startTimeoutMs: number
  readonly #ledger: LedgerPlan | undefined

  private constructor(
    native: Native,
    keepers: Keepers,
    limits: UnheldLimits,
    options: SubreaperBackendOptions,
  ) {
    super()
    this.limits = limits
    this.#native = native
    this.#keepers = keepers
    this.#enforcement = options.enforcement
    this.#killTimeoutMs = options.killTimeoutMs
    this.#startTimeoutMs = options.startTimeoutMs
    this.#ledger = options.ledger
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
    const { sessions, enforcement } = options
    const limits = new UnheldLimits(sessions, { enforcement, over: 'all sessions', hint: HINT })
    // For tests of kernels that do not list children
    const scan = process.env['CORRAL_SCAN_PROC'] === '1'
    const keepers = new Keepers(native, { killTimeoutMs: options.killTimeoutMs, scan }, emit)
    await keepers.start()
    return new SubreaperBackend(native, keepers, limits, options)
  }

  family(key: string, parent: Family | undefined, limits: ParsedLimits): Family {
    const above = parent as SubreaperFamily | undefined
    return new SubreaperFamily(key, above, limits, {
      native: this.#native,
      keepers: this.#keepers,
      instance: this.instance,
      enforcement: this.#enforcement,
      startTimeoutMs: this.#startTimeoutMs,
      ledger: this.#ledger,
    })
  }

  /** What a dead gateway held has ended with it, unless keeper and reaper were killed as well. */
  override sweep(options: SweepOptions): Promise<SweepReport> {
    return sweepLost(this.#native, { killTimeoutMs: this.#killTimeoutMs }, options)
  }

  override guard(): GuardStatus {
    return this.#keepers.status()
  }

  override left(): Left {
    return this.#keepers.left()
  }

  override close(): Promise<void> {
    return this.#keepers.finish()
  }
}
