// Where the gateway is the first process of a pid namespace (a container's ENTRYPOINT), what a session's processes leave becomes
// its child, and is a zombie until it is reaped. Node reaps what it started itself, such as a command of wrap(), and the addon what it
// is asked for. Whose child a process was at first the kernel does not tell: so Node has the first go.
import { readdirSync } from 'node:fs'
import { sleep } from '../../common/clock.js'
import { procText } from '../../linux/proc-file.js'
import type { Native } from '../../native/addon.js'

// Between the end of a process and its being a zombie
const WITHIN_MS = 1000
// SIGCHLD comes with the end, and Node reaps its own in the next turn of the event loop
const NODES_MS = 20
const TASKS = '/proc/self/task'

const children = (): number[] =>
  readdirSync(TASKS).flatMap((task) =>
    procText(`${TASKS}/${task}/children`).split(' ').filter(Boolean).map(Number),
  )

const isZombie = (pid: number): boolean => /^State:\s*Z/m.test(procText(`/proc/${pid}/status`))

/** It says where it was also when it has ended, and when that is gone: cgroups(7). */
const isOf = (pid: number, place: string): boolean => procText(`/proc/${pid}/cgroup`).includes(place)

async function reap(native: Native, pid: number): Promise<void> {
  const pidfd = native.openProcess(pid)
  if (pidfd === undefined) return
  if (await native.waitForExit(pidfd, WITHIN_MS)) {
    await sleep(NODES_MS)
    native.reap(pidfd)
  }
  native.close(pidfd)
}

/**
 * Reaps what has ended in this group of an instance but those that are `awaited`: their exits are reported where they were started.
 * Where the group is empty, what has left it and is no zombie yet is one in a moment.
 */
export async function reapStrays(
  native: Native,
  group: string,
  awaited: ReadonlySet<number>,
  empty: boolean,
): Promise<void> {
  if (process.pid !== 1) return
  const place = group.slice(group.lastIndexOf('/corral/'))
  const strays = children().filter((pid) => !awaited.has(pid) && isOf(pid, place) && (empty || isZombie(pid)))
  await Promise.all(strays.map((pid) => reap(native, pid)))
}
