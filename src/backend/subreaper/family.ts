// A family where there is no directory to hold it: sessions of it have nothing in common but their place in the tree of keys.

import type { Cancellation } from '../../common/cancellation.js'
import type { Native } from '../../native/addon.js'
import type { Enforcement, Family, Group, GroupPlan, Started } from '../backend.js'
import type { AppliedLimit } from '../facts.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import type { ProcessPlan } from '../spawned.js'
import { SubreaperGroup } from './group.js'
import type { Keepers } from './keeper.js'
import type { Labels } from './labels.js'
import { appliedLimits, assertNoneRequired } from './limits.js'

/** What all families of one instance share. */
export interface FamilyContext {
  native: Native
  keepers: Keepers
  instance: string
  startTimeoutMs: number
}

export class SubreaperFamily implements Family {
  /** From the eldest parent down to its own. */
  readonly keys: string[]
  readonly #context: FamilyContext
  #limits: ParsedLimits

  constructor(
    key: string,
    parent: SubreaperFamily | undefined,
    limits: ParsedLimits,
    context: FamilyContext,
  ) {
    this.keys = [...(parent?.keys ?? []), key]
    this.#limits = limits
    this.#context = context
  }

  async start(plan: GroupPlan, leader: ProcessPlan, cancel: Cancellation): Promise<Started> {
    const keeper = await this.#context.keepers.current()
    return SubreaperGroup.start(this.#context, keeper, plan, this.#labels(plan), { leader, cancel })
  }

  async prepare(plan: GroupPlan): Promise<Group> {
    const keeper = await this.#context.keepers.current()
    return SubreaperGroup.prepare(this.#context, keeper, plan, this.#labels(plan))
  }

  async setLimits(changes: LimitChanges, enforcement: Enforcement): Promise<void> {
    assertNoneRequired(changes, enforcement, 'a family')
    this.#limits = changedLimits(this.#limits, changes)
  }

  limits(): AppliedLimit[] {
    return appliedLimits(this.#limits, false)
  }

  #labels({ labels, limits: { memoryMax } }: GroupPlan): Labels {
    return {
      ...labels,
      instance: this.#context.instance,
      owner: { pid: process.pid, command: process.argv.join(' ') },
      keys: this.keys,
      startedAt: Date.now(),
      ...(memoryMax !== undefined && { memoryMax }),
    }
  }
}
