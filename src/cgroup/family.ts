// A family's directory: what is in it, and when it can go. Made with the first group in it, removed with the last.
import path from 'node:path'
import type { Family, GroupPlan } from '../backend.js'
import type { GroupStep } from '../native.js'
import { enableStep } from './controllers.js'
import { CgroupGroup, type GroupContext } from './group.js'
import { KEY_LABEL } from './labels.js'
import { isDigest, LEAF } from './name.js'
import { removeEmpty } from './removal.js'

export class CgroupFamily implements Family {
  readonly path: string
  readonly #name: string
  readonly #key: string
  readonly #parent: CgroupFamily | undefined
  readonly #context: GroupContext
  /** Groups and families in here, those being made included. */
  #users = 0
  /** While the directory is being removed: nobody may make anything in it before that is over. */
  #removal: Promise<void> | undefined

  constructor(
    name: string,
    key: string,
    parent: CgroupFamily | undefined,
    top: string,
    context: GroupContext,
  ) {
    this.path = path.join(parent?.path ?? top, name)
    this.#name = name
    this.#key = key
    this.#parent = parent
    this.#context = context
  }

  async create(plan: GroupPlan): Promise<CgroupGroup> {
    this.#enter()
    try {
      for (const family of this.#line()) await family.#removal
      const leaf = path.join(this.path, LEAF)
      return await CgroupGroup.make(leaf, this.#steps(), plan, this.#context, () => this.#release(leaf))
    } catch (error) {
      await this.#release(undefined)
      throw error
    }
  }

  /** This family and those above it, from the top down. */
  #line(): CgroupFamily[] {
    return this.#parent ? [...this.#parent.#line(), this] : [this]
  }

  #steps(): GroupStep[] {
    return this.#line().flatMap((family): GroupStep[] => [
      ['shared', family.path],
      ...(isDigest(family.#name) ? [['label', family.path, family.#key, KEY_LABEL] as GroupStep] : []),
      ...enableStep(family.path, this.#context.controllers),
    ])
  }

  #enter(): void {
    for (const family of this.#line()) family.#users++
  }

  /** A group has ended (`leaf`: its directory, still to be removed). Removes it, with all families that are now empty. */
  async #release(leaf: string | undefined): Promise<void> {
    const line = this.#line()
    for (const family of line) family.#users--
    const empty = line.filter((family) => family.#users === 0)
    const top = empty[0]?.path ?? leaf
    if (top === undefined) return
    const removal = removeEmpty(top, this.#context)
    // Only waited for: whoever asked for the removal hears of its failure
    const settled = removal.catch(() => undefined)
    for (const family of empty) family.#removal = settled
    try {
      await removal
    } finally {
      for (const family of empty) if (family.#removal === settled) family.#removal = undefined
    }
  }
}
