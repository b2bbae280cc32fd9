// A family's directory: what is in it, and when it can go. Made with the first group in it, removed with the last.

import type { Cancellation } from '../../common/cancellation.js'
import { explained } from '../../common/errors.js'
import { within } from '../../common/within.js'
import { LEAF } from '../../native/language.js'
import type { Family, GroupPlan, LimitSet, Started } from '../backend.js'
import type { AppliedLimit } from '../facts.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import type { ProcessPlan } from '../spawned.js'
import { isGivenUp } from '../starts.js'
import {
  assertEnforceable,
  changeLimits,
  limitSettings,
  readLimits,
  writeSteps,
} from './controllers/apply.js'
import { CgroupGroup, type GroupContext } from './group.js'
import { nameOfKey } from './name.js'
import { removeTree } from './removal.js'
import { familySteps } from './steps.js'

// How long the making of a directory is waited for, which takes a millisecond.
const MAKING_MS = 1000

export class CgroupFamily implements Family {
  readonly path: string
  readonly limits: LimitSet<Promise<void>> = {
    get: () => this.#readLimits(),
    set: (changes) => this.#setLimits(changes),
  }
  readonly #key: string
  readonly #parent: CgroupFamily | undefined
  readonly #context: GroupContext
  /** Groups and families in here, those being made included. */
  #users = 0
  /** Of all that is in here together. */
  #limits: ParsedLimits
  /** What is being made in here, by steps that know the limits of then. */
  readonly #making = new Set<Promise<unknown>>()
  /** While the directory is being removed: nothing may be made in it before that is over. */
  #removal: Promise<void> | undefined

  constructor(
    key: string,
    parent: CgroupFamily | undefined,
    limits: ParsedLimits,
    top: string,
    context: GroupContext,
  ) {
    this.path = `${parent?.path ?? top}/${nameOfKey(key)}`
    this.#key = key
    this.#parent = parent
    this.#limits = limits
    this.#context = context
  }

  start(plan: GroupPlan, leader: ProcessPlan, cancel: Cancellation): Promise<Started> {
    return this.#make(plan, async (group, steps) => ({
      group,
      leader: await group.start(steps, plan, leader, cancel),
    }))
  }

  prepare(plan: GroupPlan, cancel: Cancellation): Promise<CgroupGroup> {
    return this.#make(plan, async (group, steps) => {
      await group.prepare(steps, plan, cancel)
      return group
    })
  }

  async #make<Made>(
    plan: GroupPlan,
    make: (group: CgroupGroup, steps: string) => Promise<Made>,
  ): Promise<Made> {
    const leave = this.#enter()
    const leaf = `${this.path}/${LEAF}`
    const group = new CgroupGroup(leaf, plan.limits, this.#context, (removed) => {
      leave()
      return this.#prune(removed ? undefined : leaf)
    })
    try {
      for (const family of this.#line()) if (family.#removal) await family.#removal
      return await this.#noted(make(group, this.#steps()))
    } catch (error) {
      leave()
      const pruned = this.#prune(undefined).catch(() => undefined) // what is left then, close() removes
      if (!isGivenUp(error)) await pruned // in this one a process may live that nothing ends
      throw error
    }
  }

  async #setLimits(changes: LimitChanges): Promise<void> {
    const { controllers, enforcement, watches } = this.#context
    const limits = changedLimits(this.#limits, changes)
    assertEnforceable(changes, controllers, { enforcement, over: 'a family', path: this.path })
    const before = this.#limits
    this.#limits = limits // of what is made from now on
    try {
      // One that takes longer hangs at its program; its directory is made long before that
      await within(Promise.allSettled(this.#making), MAKING_MS, { idle: true })
      if (this.#context.native.exists(this.path)) changeLimits(this.path, changes, controllers)
      for (const [place, one] of watches) if (place.startsWith(`${this.path}/`)) one.arm()
    } catch (error) {
      this.#limits = before
      throw error
    }
  }

  #readLimits(): AppliedLimit[] {
    const { native, controllers } = this.#context
    return native.exists(this.path) ? readLimits(this.path, this.#limits, controllers) : []
  }

  /** Keeps account of what is being made here and, with it, in those above. */
  async #noted<Made>(making: Promise<Made>): Promise<Made> {
    for (const family of this.#line()) family.#making.add(making)
    try {
      return await making
    } finally {
      for (const family of this.#line()) family.#making.delete(making)
    }
  }

  /** This family and those above it, from the top down. */
  #line(): CgroupFamily[] {
    return this.#parent ? [...this.#parent.#line(), this] : [this]
  }

  /** What makes the way to this family, where it is not there yet. */
  #steps(): string {
    const { controllers } = this.#context
    return (
      (this.#parent ? this.#parent.#steps() : '') +
      familySteps(this.path, this.#key, controllers) +
      writeSteps(this.path, limitSettings(this.#limits, controllers))
    )
  }

  /** Gives the way out, which counts once however often it is taken: a removal that failed is tried again. */
  #enter(): () => void {
    let inside = true
    for (const family of this.#line()) family.#users++
    return () => {
      for (const family of inside ? this.#line() : []) family.#users--
      inside = false
    }
  }

  /** Removes `leaf`, a group's directory, with all families on the way to it that are empty. @throws KernelError */
  async #prune(leaf: string | undefined): Promise<void> {
    try {
      await this.#removeUnused(leaf)
    } catch (error) {
      throw explained(`the directories of ${this.path} cannot be removed`, error)
    }
  }

  async #removeUnused(leaf: string | undefined): Promise<void> {
    const empty = this.#line().filter((family) => family.#users === 0)
    const paths = empty.map((family) => family.path)
    if (leaf === undefined && this.#removeAtOnce(paths)) return this.#context.memoryV1?.remove(paths)
    const top = empty[0]?.path ?? leaf
    if (top === undefined) return
    const removal = removeTree(top, this.#context)
    // Only waited for: the caller that asked for the removal gets its error
    const settled = removal.catch(() => undefined)
    for (const family of empty) family.#removal = settled
    try {
      await removal
      await this.#context.memoryV1?.remove([top])
    } finally {
      for (const family of empty) if (family.#removal === settled) family.#removal = undefined
    }
  }

  /** Removes directories on the spot, the last first. False where something is in one of them. */
  #removeAtOnce(directories: string[]): boolean {
    return directories.toReversed().every((directory) => this.#context.native.removeEmpty(directory))
  }
}
