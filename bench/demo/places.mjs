// Where the demo runs its gateways: each in a room of its own, whose processes are counted exactly and ended at the end. By a
// cgroup where one can be made, else by a mark; Corral then looks for itself for what holds its sessions.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endMarked, guardMark, marked, marking, newMark } from './marks.mjs'
import { entering, members, NoPenError, openPen, subdirectories } from './pen.mjs'

/**
 * @typedef {object} Room
 * @property {string} root the cgroup directory that Corral is to build in; empty where it is to look for one itself
 * @property {(command: string, args: string[]) => { command: string, args: string[] }} entering
 *   the command line that starts a command in the room
 * @property {() => number[]} members the processes of the room, without Corral's own: what guards and holds its sessions
 * @property {() => void} empty kills them
 *
 * @typedef {object} Place
 * @property {string} counts how, for the reader of the table
 * @property {(name: string) => Room} room
 * @property {() => Promise<void>} end kills and removes all; this also happens when the demo is killed
 */

/**
 * @param {{ parent?: string }} options a cgroup2 directory that has to be the place
 * @returns {Place}
 */
export function openPlace({ parent }) {
  try {
    return cgroupPlace(openPen({ parent }))
  } catch (error) {
    if (parent !== undefined || !(error instanceof NoPenError)) throw error
    return markPlace()
  }
}

function cgroupPlace(pen) {
  return {
    counts: 'in a cgroup of its own',
    room(name) {
      const root = pen.room(name)
      const house = join(root, 'gateway')
      mkdirSync(house)
      return {
        root,
        entering: (command, args) => entering(house, command, args),
        members: () => {
          const guards = new Set(guardsBelow(root))
          return members(root).filter((pid) => !guards.has(pid))
        },
        empty: () => writeFileSync(join(root, 'cgroup.kill'), '1'),
      }
    },
    end: () => pen.end(),
  }
}

function guardsBelow(root) {
  const instances = join(root, 'corral')
  return subdirectories(instances).flatMap((instance) => members(join(instances, instance, 'warden')))
}

function markPlace() {
  const hard = newMark()
  const guard = guardMark(hard)
  let rooms = 0
  return {
    counts: 'by a mark that children inherit (RLIMIT_RSS), for no cgroup can be made here',
    room() {
      const mark = { hard, soft: hard - ++rooms }
      return {
        root: '',
        entering: (command, args) => marking(mark, command, args),
        members: () => marked(mark).filter((pid) => !isCorrals(pid)),
        empty: () => endMarked(mark),
      }
    },
    end: () => guard.end(),
  }
}

// A guard, a keeper or a holder of sessions: each has this name up to its end, and what it becomes has another.
function isCorrals(pid) {
  try {
    return /^corral-(?:warden|keeper|holder)\n$/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return true
    throw error
  }
}
