// The shape that every controller's file has: which limits it serves, how each is written, how it is read back,
// and what it tells of a group's use.
import type { Usage } from '../backend.js'
import type { LimitName } from '../limits.js'

export interface LimitFile {
  limit: LimitName
  file: string
  /** The text to write for a parsed limit. */
  format(value: number): string
  /** The limit in the text read back, in the unit of the parsed limit; Infinity: none. */
  parse(text: string): number
}

export interface Controller {
  /** As in cgroup.controllers. */
  name: string
  limits: LimitFile[]
  /** Files that a group gets by itself when this controller is on: [file, value]. */
  settings?: [file: string, value: string][]
  /** The files that tell what a group used. */
  counters: string[]
  /** What the group used, by the texts of these files; only what the kernel tells. */
  usage(read: (file: string) => string | undefined): Usage
}

/** A limit file that holds one whole number, or `max`. */
export function numberFile(limit: LimitName, file: string): LimitFile {
  return {
    limit,
    file,
    format: (value) => String(value),
    parse: (text) => (text === 'max' ? Number.POSITIVE_INFINITY : Number(text)),
  }
}

/** The given figures without those that the kernel did not tell. */
export function known(figures: { [Name in keyof Usage]: number | undefined }): Usage {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined)) as Usage
}
