// Which SysV segments the processes of a session have made: known of those that Corral has started itself, and of the members of the
// session when its ending begins. Of a pid that has been given to another process since, nothing is believed.
import { type LeftSegments, leftOf, readSegments, type SegmentFacts } from '../linux/shared-memory.js'

// From the start of a process to when we hear of it; no pid comes round again within that
const START_S = 60

/** The time that no segment of a process is older than that we have heard of now, in seconds since the epoch. */
export const oldestNow = (): number => Math.floor(Date.now() / 1000) - START_S

export class Segments {
  readonly #since = oldestNow()
  readonly #made = new Set<number>()

  /** A process of ours has ended at this moment: nobody else has had its pid yet, or has made anything. */
  noteOf(pid: number, oldest: number): void {
    this.#note((segment) => segment.creator === pid && segment.changedAt >= oldest)
  }

  /** `members` is asked only where there are segments that are no older than the session by much. */
  noteMembers(members: () => readonly number[]): void {
    let pids: Set<number> | undefined
    this.#note(({ creator, changedAt }) => {
      if (changedAt < this.#since) return false
      pids ??= new Set(members())
      return pids.has(creator)
    })
  }

  #note(isOurs: (segment: SegmentFacts) => boolean): void {
    for (const segment of readSegments()) if (isOurs(segment)) this.#made.add(segment.id)
  }

  /** Once nobody of the session lives. Undefined: nothing. */
  left(): LeftSegments | undefined {
    if (this.#made.size === 0) return undefined
    const left = leftOf(readSegments().filter(({ id }) => this.#made.has(id)))
    return left.count > 0 ? left : undefined
  }
}
