// Counts what is alive in a cgroup directory and below, and how much memory it holds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { members, subdirectories } from './pen.mjs'

/**
 * The processes below `root` that are neither the gateway nor Corral's own guardian of it.
 *
 * @returns {{ pid: number, bytes: number }[]} bytes: Pss, so that shared pages are counted once in the sum
 */
export function survivors(root, gatewayPid) {
  const spared = new Set([gatewayPid, ...wardens(root)])
  return members(root).flatMap((pid) => {
    const bytes = spared.has(pid) ? undefined : proportionalSetSize(pid)
    return bytes === undefined ? [] : [{ pid, bytes }]
  })
}

/** The survivors once there are none, or those that are still there after `patienceMs`. */
export async function lastingSurvivors(root, gatewayPid, patienceMs) {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const alive = survivors(root, gatewayPid)
    if (alive.length === 0 || performance.now() > deadline) return alive
    await delay(50)
  }
}

function wardens(root) {
  const instances = join(root, 'corral')
  return subdirectories(instances).flatMap((instance) => members(join(instances, instance, 'warden')))
}

// Undefined for a process that went away while we looked.
function proportionalSetSize(pid) {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1024
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined
    throw error
  }
}
