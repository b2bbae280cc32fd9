// The CPU time that this process has used: by all its threads, and by the children that it has waited for.

import { readFileSync } from 'node:fs'

// What the kernel counts in for user space, on all architectures that Node runs on (USER_HZ): proc_pid_stat(5).
const TICK_US = 10_000

/** In microseconds; that of the children in steps of 10 ms. */
export function cpuTime() {
  const { user, system } = process.cpuUsage()
  return { ownUs: user + system, childrenUs: childrenTicks() * TICK_US }
}

/** Over `during`, in percent of one core: `own` threads, `children`, and both as `all`. */
export async function cpuPercent(during) {
  const before = cpuTime()
  const start = process.hrtime.bigint()
  await during()
  const elapsedUs = Number(process.hrtime.bigint() - start) / 1000
  const after = cpuTime()
  const own = ((after.ownUs - before.ownUs) / elapsedUs) * 100
  const children = ((after.childrenUs - before.childrenUs) / elapsedUs) * 100
  return { own, children, all: own + children }
}

// cutime and cstime, the 16th and 17th field. getrusage(2) has them too, but Node asks it only for its own.
function childrenTicks() {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // from the 3rd on
  return Number(fields[13]) + Number(fields[14])
}
