// Which session asked for which: what OpenClaw says when one starts a subagent.

export class Families {
  readonly #children = new Map<string, Set<string>>()

  join(child: string, parent: string): void {
    this.#children.set(parent, (this.#children.get(parent) ?? new Set()).add(child))
  }

  /** A session and all below it, at any depth. */
  of(key: string): Set<string> {
    const family = new Set([key])
    for (const member of family) for (const child of this.#children.get(member) ?? []) family.add(child)
    return family
  }

  /** These are no more. */
  forget(keys: ReadonlySet<string>): void {
    for (const key of keys) this.#children.delete(key)
    for (const [parent, children] of this.#children) {
      for (const key of keys) children.delete(key)
      if (children.size === 0) this.#children.delete(parent)
    }
  }
}
