// Why sessions end, in one word each.

export const SESSION_REASONS = [
  'oneshot-complete',
  'memory-limit',
  'timeout',
  'closed',
  'parent-reset',
  'aborted',
  'corral-closed',
  'corral-kill',
  'killed-externally',
  'holder-killed',
  'agent-exited',
  'cancelled',
  'reset',
  'shutdown',
  'closed-while-starting',
  'not-prepared',
] as const

/**
 * Why a session ended, where Corral says it: who closes a session can give a reason of its own.
 *
 * - `oneshot-complete`: the leader of a oneshot session exited
 * - `memory-limit`: memory ran out, at a cap on the session or above it
 * - `timeout`: timeoutMs was over
 * - `closed`: session.close()
 * - `parent-reset`: corral.resetParent()
 * - `aborted`: the signal was aborted
 * - `corral-closed`: corral.close()
 * - `corral-kill`: `corral kill`, or `k` in `corral top`
 * - `killed-externally`: somebody else removed its cgroup
 * - `holder-killed`: what held it without a cgroup was killed
 * - `agent-exited`, `cancelled`, `reset`, `shutdown`: an agent of corral/acpx exited, or acpx ended it for that
 * - `closed-while-starting`, `not-prepared`: it was over before spawn() or wrap() could give it, which rejected
 */
export type SessionReason = (typeof SESSION_REASONS)[number]

/** One of Corral's, or any other. */
export type Reason = SessionReason | (string & {})
