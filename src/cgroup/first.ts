// Who came into a group first, by what the kernel tells of its members: a label could be the session's own word.
import { isSystemError } from '../errors.js'
import type { Native } from '../native.js'

interface Member {
  pid: number
  parent: number
  /** In clock ticks since the boot. */
  startedAt: number
}

// Of proc_pid_stat(5), behind the name in parentheses, which may hold any byte
const PARENT = 1
const START_TIME = 19

function memberOf(native: Native, pid: number): Member | undefined {
  try {
    const stat = native.readText(`/proc/${pid}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { pid, parent: Number(fields[PARENT]), startedAt: Number(fields[START_TIME]) }
  } catch (error) {
    if (isSystemError(error)) return undefined // it has ended
    throw error
  }
}

/**
 * The pid of the process that came into a group first, which said that it is `told`: the oldest whose parent is not in it.
 * Undefined where `told` is no member, so it has ended. A process of the session can say that of another one; then its own
 * session ends early, or ends with that one where the first has ended before anybody looked.
 */
export function firstOf(native: Native, group: string, told: number): number | undefined {
  const pids = native.members(group)
  const inside = new Set(pids)
  if (!inside.has(told)) return undefined
  return pids
    .map((pid) => memberOf(native, pid))
    .filter((member) => member !== undefined && !inside.has(member.parent))
    .reduce<Member | undefined>((a, b) => (a && b && a.startedAt <= b.startedAt ? a : b), undefined)?.pid
}
