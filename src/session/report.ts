// How a session ended.
import type { Killed, LimitHit, MovedProcess, OutOfMemory, RaisedLimit, Usage } from '../backend/facts.js'
import type { Reason } from '../common/reasons.js'
import type { LeftSegments } from '../linux/shared-memory.js'
import type { Mode } from './options.js'

export interface SessionReport {
  key: string
  parentKey?: string
  mode: Mode
  /** One of SessionReason, or the caller's own. */
  reason: Reason
  /** The leader's exit status; null when a signal ended it. */
  exitCode: number | null
  signal: NodeJS.Signals | null
  /** Milliseconds since the epoch. */
  startedAt: number
  /** From spawn to removal, in ms. */
  wallMs: number
  /** From the first step of the ending, or of the last try at it, to removal, in ms. */
  closeMs: number
  /** The grace period that was in force, in ms. */
  graceMs: number
  /** How much of it passed before all were gone, or what was left was killed, in ms. */
  graceUsedMs: number
  /** What was alive when the killing began; nothing, when all went by themselves. */
  killed: Killed
  /** How many guards died while the session lived; each was replaced. Somebody kills what would end the session with us. */
  guardDeaths: number
  /** The limits that were met while it lived, and how often. */
  hits: LimitHit[]
  /** For `memory-limit`: whose cap it was at which memory ran out. */
  outOfMemory?: OutOfMemory
  /** Read after the group was empty, before it was removed. */
  usage: Usage
  /** Absent, unless something may have got away: what, in words. */
  notHeld?: readonly string[]
  /**
   * Absent, unless processes of the session were found outside of its cgroup, where others (systemd-logind, tmux, a container
   * runtime) had moved them: the first 16, all of which were ended.
   */
  moved?: MovedProcess[]
  /**
   * Absent, unless the kernel held limits of the session less strictly at the end than the gateway had set them: a process
   * of the session that may write to its own cgroup, or `corral set`, raised them.
   */
  limitsRaised?: RaisedLimit[]
  /**
   * Absent, unless processes of the session have left SysV segments that nobody is attached to: made by those that Corral has started
   * itself, or by who lived in the session when its ending began. Nobody removes them (`ipcrm -m ID`).
   */
  segmentsLeft?: LeftSegments
}
