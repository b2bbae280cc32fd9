// The words by which corral-warden enters a group (native/warden/enter.h), before those of the command.
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { isSystemError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { ownCgroup } from './caps-around.js'
import { enterScope } from './systemd.js'

export interface Entry {
  /** The v1 memory cgroup to enter as well. */
  memoryGroup: string | undefined
  /** Whether the group's mark is borne as a login uid, too. */
  loginMark: boolean
}

/** @throws a system error where there is no such group. */
export function enterWords(native: Native, group: string, { memoryGroup, loginMark }: Entry): string[] {
  const id = native.idOf(group) // no later group of this path has it
  const memory = memoryGroup === undefined ? [] : ['--memory-group', memoryGroup]
  return ['enter', '--group', group, '--id', id, ...memory, ...(loginMark ? ['--login-mark'] : [])]
}

/** Whether this process may be moved from one cgroup to another: what is above both has to be ours (cgroups(7)). */
function mayMove(from: string, to: string): boolean {
  let above = from
  while (above !== '/' && above !== to && !to.startsWith(`${above}/`)) above = path.dirname(above)
  try {
    accessSync(`${above}/cgroup.procs`, constants.W_OK)
    return true
  } catch (error) {
    if (isSystemError(error)) return false
    throw error
  }
}

/**
 * Has systemd move this process to where it may go on to that group by itself: a login is in a cgroup of root's, the user's
 * services are not. Where it does not, the warden is refused, and says so.
 */
export async function comeWithinReach(group: string): Promise<void> {
  const own = ownCgroup()
  if (own !== undefined && !mayMove(own, group)) await enterScope()
}
