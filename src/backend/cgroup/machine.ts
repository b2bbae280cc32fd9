// What "the machine" is, of which a limit can be a share: in a container, or below a capped cgroup, only that.
import path from 'node:path'
import { findCgroupMounts } from '../../linux/mounts.js'
import { hostMemory } from '../limits.js'
import { memoryCap } from './controllers/apply.js'

/** The memory in bytes that sessions below `root`, or below the cgroup of this process, can have. */
export function memoryAt(root = findCgroupMounts().ownDirectory): number {
  return root === undefined ? hostMemory() : Math.min(hostMemory(), memoryCap(path.resolve(root)))
}
