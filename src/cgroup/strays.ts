// Where the gateway is the first process of a pid namespace (a container's ENTRYPOINT), what a session's processes leave becomes
// its child, and is a zombie until somebody reaps it. Node reaps what it started itself, and the addon what it is asked for.
import { readdirSync, readFileSync } from 'node:fs'
import { isSystemError } from '../errors.js'
import type { Native } from '../native.js'

const TASKS = '/proc/self/task'

/** '' where it is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isSystemError(error)) return ''
    throw error
  }
}

const children = (): number[] =>
  readdirSync(TASKS).flatMap((task) =>
    read(`${TASKS}/${task}/children`).split(' ').filter(Boolean).map(Number),
  )

/** A zombie still says where it was, also where that is gone: cgroups(7). */
const isZombieOf = (pid: number, place: string): boolean =>
  /^State:\s*Z/m.test(read(`/proc/${pid}/status`)) && read(`/proc/${pid}/cgroup`).includes(place)

/** Reaps what has ended in this group of an instance but those that are `awaited`: their exits are told by whoever started them. */
export function reapStrays(native: Native, group: string, awaited: ReadonlySet<number>): void {
  if (process.pid !== 1) return
  const place = group.slice(group.lastIndexOf('/corral/'))
  for (const pid of children()) {
    if (awaited.has(pid) || !isZombieOf(pid, place)) continue
    const pidfd = native.openProcess(pid)
    if (pidfd === undefined) continue
    native.reap(pidfd)
    native.close(pidfd)
  }
}
