// A family of plain child processes: sessions of it have nothing in common but their keys.
import type { Enforcement, GroupPlan } from '../backend.js'
import { BaseFamily, UnheldLimits } from '../base.js'
import type { ParsedLimits } from '../limits.js'
import { PassthroughGroup } from './group.js'
import { HINT } from './limits.js'

export class PassthroughFamily extends BaseFamily<PassthroughGroup> {
  readonly limits: UnheldLimits

  constructor(limits: ParsedLimits, enforcement: Enforcement) {
    super()
    this.limits = new UnheldLimits(limits, { enforcement, over: 'a family', hint: HINT })
  }

  protected async make(plan: GroupPlan, entered: boolean): Promise<PassthroughGroup> {
    return new PassthroughGroup(plan, entered)
  }
}
