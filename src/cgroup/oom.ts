// Where memory ran out: whose cap it was that made the kernel kill a group.
import path from 'node:path'
import type { OutOfMemory } from '../backend.js'
import { parseKeyed, parseNumber, readFile } from './file.js'

/** How often the kernel found no memory to reclaim at this very cgroup's cap (memory.events.local, cgroup-v2.rst). */
function oomsAt(directory: string): number {
  return parseKeyed(readFile(directory, 'memory.events.local'))?.get('oom') ?? 0
}

/** A directory and all above it in the hierarchy that have a memory controller. */
function* upwards(directory: string): Generator<string> {
  for (let at = directory; readFile(at, 'memory.events') !== undefined; at = path.dirname(at)) yield at
}

export class OomAccount {
  /** The directory of all sessions of the instance. */
  readonly #sessions: string
  /** The counts that were known already: at the start, of what is above us; later, when a kill was put down to them. */
  readonly #known = new Map<string, number>()
  readonly #atStart: ReadonlyMap<string, number>

  constructor(sessions: string) {
    this.#sessions = sessions
    for (const directory of upwards(sessions)) this.#known.set(directory, oomsAt(directory))
    this.#atStart = new Map(this.#known)
  }

  /**
   * Why the kernel killed in `group`; undefined where it did not. The cap is that of the nearest cgroup above whose count
   * has grown; of two kills at one cap that are seen at the same time, the second finds it grown since our start.
   */
  explain(group: string): OutOfMemory | undefined {
    const kills = parseKeyed(readFile(group, 'memory.events'))?.get('oom_kill') ?? 0
    if (kills === 0) return undefined
    const line = [...upwards(group)]
    const grownSince = (counts: ReadonlyMap<string, number>) =>
      line.find((directory) => oomsAt(directory) > (counts.get(directory) ?? 0))
    const where = grownSince(this.#known) ?? grownSince(this.#atStart)
    if (where === undefined) return { of: 'machine' }
    this.#known.set(where, oomsAt(where))
    const memoryMax = parseNumber(readFile(where, 'memory.max'))
    return {
      of: this.#ownerOf(where, group),
      path: where,
      ...(memoryMax !== undefined && Number.isFinite(memoryMax) && { memoryMax }),
    }
  }

  #ownerOf(directory: string, group: string): Exclude<OutOfMemory['of'], 'machine'> {
    if (directory === group) return 'session'
    if (directory === this.#sessions) return 'instance'
    return directory.startsWith(`${this.#sessions}/`) ? 'family' : 'ancestor'
  }
}
