// A family where there is no directory to hold it: sessions of it have nothing in common.
import type { AppliedLimit, Enforcement, Family, Group, GroupPlan, ProcessPlan, Started } from '../backend.js'
import { KernelError } from '../errors.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import type { Native } from '../native.js'
import { SubreaperGroup } from './group.js'
import type { Keepers } from './keeper.js'
import { appliedLimits, assertNoneRequired } from './limits.js'

export class SubreaperFamily implements Family {
  readonly #native: Native
  readonly #keepers: Keepers
  #limits: ParsedLimits

  constructor(native: Native, keepers: Keepers, limits: ParsedLimits) {
    this.#native = native
    this.#keepers = keepers
    this.#limits = limits
  }

  async start(plan: GroupPlan, leader: ProcessPlan): Promise<Started> {
    return SubreaperGroup.start(this.#native, await this.#keepers.current(), plan, leader)
  }

  async prepare(): Promise<Group> {
    throw new KernelError('a session without a cgroup cannot be entered by a process of somebody else', {
      hint: 'wrap() needs cgroups: `corral doctor` tells what is missing; spawn() works without',
    })
  }

  async setLimits(changes: LimitChanges, enforcement: Enforcement): Promise<void> {
    assertNoneRequired(changes, enforcement, 'a family')
    this.#limits = changedLimits(this.#limits, changes)
  }

  limits(): AppliedLimit[] {
    return appliedLimits(this.#limits, false)
  }
}
