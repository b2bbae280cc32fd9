// The sessions of one instance as a tree of keys, by which session asked for which. A parent key need not be a session itself.
import type { Family } from '../backend/backend.js'
import type { Cancellation } from '../common/cancellation.js'
import type { AnySession } from './session.js'

export interface Member {
  readonly key: string
  readonly parent: Member | undefined
  readonly children: Set<Member>
  /** Its family in the backend. */
  readonly family: Family
  /** A session of this key is live or being started; `session` comes when it runs. */
  taken: boolean
  session: AnySession | undefined
  /** How many closings of this family are under way. While there is one, no session may join. */
  closings: number
  /** The spawn that is under way: settles when that has succeeded or failed, or was given up. */
  starting: { over: Promise<unknown>; cancel: Cancellation } | undefined
}

/** A session key and what is below it, for list(). */
export interface SessionNode {
  key: string
  /** Absent where the key is only a parent. */
  session?: AnySession
  children: SessionNode[]
}

export class FamilyTree {
  readonly #members = new Map<string, Member>()

  find(key: string): Member | undefined {
    return this.#members.get(key)
  }

  /** The member of this key, made below `parent` if there is none yet. */
  join(key: string, parent: Member | undefined, family: () => Family): Member {
    const known = this.#members.get(key)
    if (known) return known
    const member: Member = {
      key,
      parent,
      children: new Set(),
      family: family(),
      taken: false,
      session: undefined,
      closings: 0,
      starting: undefined,
    }
    this.#members.set(key, member)
    parent?.children.add(member)
    return member
  }

  /** Forgets a member that is neither a session nor a parent, and those above it that only it kept. */
  leave(member: Member): void {
    if (member.taken || member.children.size > 0 || member.closings > 0) return
    if (this.#members.get(member.key) !== member) return
    this.#members.delete(member.key)
    member.parent?.children.delete(member)
    if (member.parent) this.leave(member.parent)
  }

  /** All below a member, at any depth; parents first. */
  descendants(member: Member): Member[] {
    return [...member.children].flatMap((child) => [child, ...this.descendants(child)])
  }

  /** The family on the way to the top that is being closed, if any. */
  closing(member: Member | undefined): Member | undefined {
    for (let at = member; at; at = at.parent) if (at.closings > 0) return at
    return undefined
  }

  all(): Member[] {
    return [...this.#members.values()]
  }

  nodes(): SessionNode[] {
    const node = (member: Member): SessionNode => ({
      key: member.key,
      ...(member.session && { session: member.session }),
      children: [...member.children].map(node),
    })
    return this.all()
      .filter((member) => !member.parent)
      .map(node)
  }
}
