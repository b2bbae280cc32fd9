// How groups are killed on this kernel: probed by doing, never by version.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { InvalidArgumentError } from '../errors.js'

export type KillMethod = 'cgroup.kill' | 'freeze'

/**
 * `cgroup.kill` where the kernel has it (Linux 5.14), else freeze, kill each member, thaw, and again.
 * CORRAL_KILL_METHOD overrides it, for tests of the other way.
 */
export function findKillMethod(directory: string): KillMethod {
  const forced = process.env['CORRAL_KILL_METHOD']
  if (forced === 'freeze' || forced === 'cgroup.kill') return forced
  if (forced !== undefined)
    throw new InvalidArgumentError(`CORRAL_KILL_METHOD is '${forced}'`, {
      hint: 'It can be cgroup.kill or freeze',
    })
  return existsSync(path.join(directory, 'cgroup.kill')) ? 'cgroup.kill' : 'freeze'
}
