// Where memory ran out: whose cap it was that made the kernel kill a group.
import path from 'node:path'
import { readFile } from '../../linux/file.js'
import { CORRAL } from '../../native/language.js'
import type { OutOfMemory } from '../facts.js'
import type { Controller, OomFiles, ReadFile } from './controllers/controller.js'

const filesOf =
  (directory: string): ReadFile =>
  (file) =>
    readFile(directory, file)

export class OomAccount {
  readonly #files: OomFiles
  readonly #at: (directory: string) => string
  /** The directory of all sessions of the instance, as the controller has it. */
  readonly #sessions: string
  /** The counts that were known already: at the start, of what is above us; later, when a kill was put down to them. */
  readonly #known = new Map<string, number>()
  readonly #atStart: ReadonlyMap<string, number>

  private constructor(files: OomFiles, at: (directory: string) => string, sessions: string) {
    this.#files = files
    this.#at = at
    this.#sessions = at(sessions)
    for (const directory of this.#upwards(this.#sessions)) this.#known.set(directory, this.#atCap(directory))
    this.#atStart = new Map(this.#known)
  }

  /** The account of an instance; undefined where no controller holds memory. */
  static open(sessions: string, controllers: Controller[]): OomAccount | undefined {
    for (const { oom, at = (directory: string) => directory } of controllers)
      if (oom) return new OomAccount(oom, at, sessions)
    return undefined
  }

  /**
   * Why the kernel killed in `group`; undefined where it did not. The cap is that of the nearest cgroup above whose count
   * has grown; of two kills at one cap that are seen at the same time, the second finds it grown since our start.
   */
  explain(group: string): OutOfMemory | undefined {
    const directory = this.#at(group)
    if (this.#kills(directory) === 0) return undefined
    const line = [...this.#upwards(directory)]
    const grownSince = (counts: ReadonlyMap<string, number>) =>
      line.find((one) => this.#atCap(one) > (counts.get(one) ?? 0))
    const where = grownSince(this.#known) ?? grownSince(this.#atStart)
    // Instances that were opened in it have caps of their own
    if (where === undefined)
      return this.#kills(directory) > this.#kills(path.join(directory, CORRAL))
        ? { of: 'machine' }
        : undefined
    this.#known.set(where, this.#atCap(where))
    const memoryMax = this.#files.cap(filesOf(where))
    return {
      of: this.#ownerOf(where, directory),
      path: where,
      ...(Number.isFinite(memoryMax) && { memoryMax }),
    }
  }

  /** A directory and all above it in the hierarchy that have a memory controller. */
  *#upwards(directory: string): Generator<string> {
    const counts = (at: string) => this.#files.kills(filesOf(at)) !== undefined
    for (let at = directory; counts(at); at = path.dirname(at)) yield at
  }

  #kills(directory: string): number {
    return this.#files.kills(filesOf(directory)) ?? 0
  }

  #atCap(directory: string): number {
    return this.#files.atCap(filesOf(directory))
  }

  #ownerOf(directory: string, group: string): Exclude<OutOfMemory['of'], 'machine'> {
    if (directory === group) return 'session'
    if (directory === this.#sessions) return 'instance'
    return directory.startsWith(`${this.#sessions}/`) ? 'family' : 'ancestor'
  }
}
