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
  /** How much of it had passed when all processes had ended, or the rest was killed, in ms. */
  graceUsedMs: number
  /** The processes that were alive when the killing began. */
  killed: Killed
  /** How many guards died while the session lived; each was replaced. More than 0 means that something kills guards. */
  guardDeaths: number
  /** The limits that it met, and how often. */
  hits: LimitHit[]
  /** For `memory-limit`: the cap at which memory ran out. */
  outOfMemory?: OutOfMemory
  /** Read between the group's becoming empty and its removal. */
  usage: Usage
  /** What may have escaped, in words. Absent where nothing can have. */
  notHeld?: readonly string[]
  /**
   * Processes of the session that were found outside of its cgroup, where others (systemd-logind, tmux, a container
   * runtime) had moved them. All were ended; the first 16 are listed. Absent where there were none.
   */
  moved?: MovedProcess[]
  /**
   * Limits that were less strict at the end than the gateway had set them: a process
   * of the session that may write to its own cgroup, or `corral set`, raised them. Absent where there were none.
   */
  limitsRaised?: RaisedLimit[]
  /**
   * Absent, unless processes of the session have left SysV segments that nobody is attached to: made by those that Corral has started
   * itself, or by who lived in the session when its ending began. Nobody removes them (`ipcrm -m ID`).
   */
  segmentsLeft?: LeftSegments
}
