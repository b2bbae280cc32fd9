// Why sessions end: one table of all reasons.

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
  'gateway-gone',
  'closed-while-starting',
  'not-prepared',
] as const

/**
 * Why a session ended. The caller of close() can give a reason of its own instead.
 *
 * - `oneshot-complete`: the leader of a oneshot session exited
 * - `memory-limit`: memory ran out at a cap on the session or above it
 * - `timeout`: timeoutMs had passed
 * - `closed`: session.close()
 * - `parent-reset`: corral.resetParent()
 * - `aborted`: the signal was aborted
 * - `corral-closed`: corral.close()
 * - `corral-kill`: `corral kill`, or `k` in `corral top`
 * - `killed-externally`: another program removed its cgroup
 * - `holder-killed`: the process that held it without a cgroup was killed
 * - `agent-exited`, `cancelled`, `reset`, `shutdown`: an agent of corral/acpx exited, or acpx ended it for that
 * - `gateway-gone`: the gateway (or `corral run`) had died, and its guard or a sweep ended the session: in ledgers only
 * - `closed-while-starting`, `not-prepared`: it ended before spawn() or wrap() resolved, and that call rejected
 */
export type SessionReason = (typeof SESSION_REASONS)[number]

/** A reason of Corral's, or the caller's own. */
export type Reason = SessionReason | (string & {})
