// A family of plain child processes: sessions of it have nothing in common but their keys.

import type { Enforcement, Family, Group, GroupPlan, Started } from '../backend.js'
import type { AppliedLimit } from '../facts.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import type { ProcessPlan } from '../spawned.js'
import { PassthroughGroup } from './group.js'
import { assertNoneRequired, unheldLimits } from './limits.js'

export class PassthroughFamily implements Family {
  #limits: ParsedLimits

  constructor(limits: ParsedLimits) {
    this.#limits = limits
  }

  async start(plan: GroupPlan, leader: ProcessPlan): Promise<Started> {
    const group = new PassthroughGroup(plan)
    return { group, leader: await group.spawn(leader) }
  }

  async prepare(plan: GroupPlan): Promise<Group> {
    return new PassthroughGroup(plan, { entered: true })
  }

  async setLimits(changes: LimitChanges, enforcement: Enforcement): Promise<void> {
    assertNoneRequired(changes, enforcement, 'a family')
    this.#limits = changedLimits(this.#limits, changes)
  }

  limits(): AppliedLimit[] {
    return unheldLimits(this.#limits)
  }
}
