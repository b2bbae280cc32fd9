// A family where there is no directory to hold it: sessions of it have nothing in common but their place in the tree of keys.

import type { Cancellation } from '../../common/cancellation.js'
import type { Native } from '../../native/addon.js'
import type { Enforcement, GroupPlan, Started } from '../backend.js'
import { BaseFamily, UnheldLimits } from '../base.js'
import type { LedgerPlan } from '../ledger.js'
import type { ParsedLimits } from '../limits.js'
import type { ProcessPlan } from '../spawned.js'
import { SubreaperGroup } from './group.js'
import type { Keepers } from './keeper.js'
import type { Labels } from './labels.js'
import { HINT } from './limits.js'

/** What all families of one instance share. */
export interface FamilyContext {
  native: Native
  keepers: Keepers
  instance: string
  enforcement: Enforcement
  startTimeoutMs: number
  ledger: LedgerPlan | undefined
}

export class SubreaperFamily extends BaseFamily<SubreaperGroup> {
  /** From the eldest parent down to its own. */
  readonly keys: string[]
  readonly limits: UnheldLimits
  readonly #context: FamilyContext

  constructor(
    key: string,
    parent: SubreaperFamily | undefined,
    limits: ParsedLimits,
    context: FamilyContext,
  ) {
    super()
    this.keys = [...(parent?.keys ?? []), key]
    const { enforcement } = context
    this.limits = new UnheldLimits(limits, { enforcement, over: 'a family', hint: HINT })
    this.#context = context
  }

  override async start(plan: GroupPlan, leader: ProcessPlan, cancel: Cancellation): Promise<Started> {
    const group = await this.make(plan, false)
    return { group, leader: await group.lead(leader, cancel) }
  }

  protected async make(plan: GroupPlan, entered: boolean): Promise<SubreaperGroup> {
    const keeper = await this.#context.keepers.current()
    return SubreaperGroup.make(this.#context, keeper, plan, this.#labels(plan), entered)
  }

  #labels({ labels: { mode, command }, limits: { memoryMax } }: GroupPlan): Labels {
    return {
      mode,
      command,
      instance: this.#context.instance,
      owner: { pid: process.pid, command: process.argv.join(' ') },
      keys: this.keys,
      startedAt: Date.now(),
      ...(memoryMax !== undefined && { memoryMax }),
    }
  }
}
