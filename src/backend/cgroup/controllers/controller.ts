// The shape that every controller's file has: which limits it serves, how each is written, how it is read back,
// and what it tells of a group's use.
import type { Usage } from '../../facts.js'
import type { LimitName } from '../../limits.js'

export interface LimitFile {
  limit: LimitName
  file: string
  /** The text to write for a parsed limit. */
  format(value: number): string
  /** The limit in the text read back, in the unit of the parsed limit; Infinity: none. */
  parse(text: string): number
  /** The text that lifts it. */
  lifted: string
  /**
   * Where a limit is one of all that is below it too: what the machine has of it, or Infinity. Absent where it is not
   * (a weight).
   */
  machine?: () => number
}

/** The text of a control file; undefined where there is none. */
export type ReadFile = (file: string) => string | undefined

export interface Controller {
  /** As in cgroup.controllers. */
  name: string
  /** What a receipt says of its limits. */
  enforcedBy: 'cgroup' | 'cgroup-v1'
  /** Where it has the files of a cgroup v2 directory. Absent: there. */
  at?: (directory: string) => string
  limits: LimitFile[]
  /** Files that a group gets by itself when this controller is on: [file, value]. */
  settings?: [file: string, value: string][]
  /** The files that tell what a group used. */
  counters: string[]
  /** Those of them that tell of memory, CPU time and IO up to this moment. */
  gauges: string[]
  /** What the group used, by the texts of these files; only what the kernel tells. */
  usage(read: ReadFile): Usage
  /** Of memory alone. */
  oom?: OomFiles
}

/** How a memory controller tells that memory ran out. */
export interface OomFiles {
  /** Processes that the kernel killed in a cgroup; undefined where it has no such file. */
  kills(read: ReadFile): number | undefined
  /** How often memory ran out at the cap of this very cgroup. */
  atCap(read: ReadFile): number
  /** The cap, in bytes; Infinity: none. */
  cap(read: ReadFile): number
}

/** A cap in a file that holds one whole number, or `max`. */
export function capFile(limit: LimitName, file: string, machine = () => Number.POSITIVE_INFINITY): LimitFile {
  return {
    limit,
    file,
    format: (value) => String(value),
    parse: (text) => (text === 'max' ? Number.POSITIVE_INFINITY : Number(text)),
    lifted: 'max',
    machine,
  }
}

/** The given figures without those that the kernel did not tell. */
export function known(figures: { [Name in keyof Usage]: number | undefined }): Usage {
  const usage: Usage = {}
  for (const name of Object.keys(figures) as (keyof Usage)[]) {
    const value = figures[name]
    if (value !== undefined) usage[name] = value
  }
  return usage
}
