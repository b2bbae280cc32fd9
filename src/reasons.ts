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
 * - `agent-exited`, `connection-closed`: an agent of corral/acpx exited, or the other side of its connection went
 * - `closed-while-starting`, `not-prepared`: it was over before spawn() or wrap() could give it, which rejected
 */
export type SessionReason =
  | 'oneshot-complete'
  | 'memory-limit'
  | 'timeout'
  | 'closed'
  | 'parent-reset'
  | 'aborted'
  | 'corral-closed'
  | 'corral-kill'
  | 'killed-externally'
  | 'holder-killed'
  | 'agent-exited'
  | 'connection-closed'
  | 'closed-while-starting'
  | 'not-prepared'

/** One of Corral's, or any other. */
export type Reason = SessionReason | (string & {})
