// A family of plain child processes: sessions of it have nothing in common but their keys.
import type { AppliedLimit, Enforcement, Family, Group, GroupPlan, ProcessPlan, Started } from '../backend.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
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
