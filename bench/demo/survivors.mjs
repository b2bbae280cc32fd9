// Counts what is alive in a room, and how much memory it holds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * The processes of a room that are neither the gateway nor Corral's own.
 *
 * @param {import('./places.mjs').Room} room
 * @param {number} gatewayPid
 * @returns {{ pid: number, bytes: number }[]} bytes: Pss, so that shared pages are counted once in the sum
 */
export function survivors(room, gatewayPid) {
  return room.members().flatMap((pid) => {
    const bytes = pid === gatewayPid ? undefined : proportionalSetSize(pid)
    return bytes === undefined ? [] : [{ pid, bytes }]
  })
}

/**
 * The survivors once there are none, or those that are still there after so many looks. Between two looks a program starts and ends,
 * so that a machine that is too busy to end processes is waited for longer.
 */
export async function lastingSurvivors(room, gatewayPid, looks) {
  for (;;) {
    const alive = survivors(room, gatewayPid)
    if (alive.length === 0 || --looks === 0) return alive
    await Promise.all([delay(50), once(spawn('true'), 'exit')])
  }
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
