// What "the machine" is, of which a limit can be a share: in a container, or below a capped cgroup, only that.
import path from 'node:path'
import { findCgroupMounts } from '../../linux/mounts.js'
import { hostMemory } from '../limits.js'
import { memoryCap } from './controllers/apply.js'

/** The memory that there is for whoever builds in `root`, or in the cgroup that this process is in; in bytes. */
export function memoryAt(root = findCgroupMounts().ownDirectory): number {
  return root === undefined ? hostMemory() : Math.min(hostMemory(), memoryCap(path.resolve(root)))
}
