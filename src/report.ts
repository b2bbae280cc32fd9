// How a session ended.
import type { Killed, Usage } from './backend.js'
import type { Mode } from './options.js'

export interface SessionReport {
  key: string
  parentKey?: string
  mode: Mode
  /** `oneshot-complete`, `closed`, `parent-reset`, `aborted`, `corral-closed`, `killed-externally`, or the caller's own. */
  reason: string
  /** The leader's exit status; null when a signal ended it. */
  exitCode: number | null
  signal: NodeJS.Signals | null
  /** Milliseconds since the epoch. */
  startedAt: number
  /** From spawn to removal, in ms. */
  wallMs: number
  /** The grace period that was in force, in ms. */
  graceMs: number
  /** What was alive when the killing began; nothing, when all went by themselves. */
  killed: Killed
  /** How many guards died while the session lived; each was replaced. Somebody kills what would end the session with us. */
  guardDeaths: number
  /** Read after the group was empty, before it was removed. */
  usage: Usage
}
