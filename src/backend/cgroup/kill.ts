import { InvalidArgumentError } from '../../common/errors.js'

export type KillMethod = 'cgroup.kill' | 'freeze'

/**
 * How groups are killed: by `cgroup.kill`, and where the kernel has none (before Linux 5.14; native/core/end.c looks) by
 * freeze, kill each member, thaw, and again. CORRAL_KILL_METHOD=freeze takes the second way everywhere, for its tests.
 */
export function killMethod(): KillMethod {
  const forced = process.env['CORRAL_KILL_METHOD']
  if (forced === undefined || forced === 'cgroup.kill') return 'cgroup.kill'
  if (forced === 'freeze') return 'freeze'
  throw new InvalidArgumentError(
    `Invalid CORRAL_KILL_METHOD: expected cgroup.kill or freeze, got '${forced}'`,
    {
      hint: 'Set it to cgroup.kill or freeze, or leave it out',
    },
  )
}
