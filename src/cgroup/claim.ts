// That somebody ends a group from outside (`corral kill`), for its owner to report. A label would not do: the session in the group
// can write those too. So it is a record lock (fcntl(2)) on a file of the group: of each of these the kernel tells whose it is
// (proc_locks(5)), and whoever that is must not be of the session.
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { isSystemError } from '../errors.js'
import type { Native } from '../native.js'
import { directoryOf, findCgroupPlace, parseOwnCgroup } from './mount.js'

// Nobody can open it for writing, so nobody can keep others from a read lock on it. And nobody here reads it: to close any
// descriptor of a file gives up the record locks that a process has on it
const FILE = 'cgroup.stat'

/** Held until the descriptor is closed. @throws a system error, such as that of a group that is gone */
export function claimEnding(native: Native, group: string): number {
  return native.claim(`${group}/${FILE}`)
}

/** Whether a process that is not in the group itself has claimed its ending; false where that cannot be told. */
export function isEndingClaimed(group: string): boolean {
  try {
    return claimants(group).some((pid) => !livesIn(pid, realpathSync(group)))
  } catch (error) {
    if (isSystemError(error)) return false
    throw error
  }
}

function claimants(group: string): number[] {
  const { dev, ino } = statSync(`${group}/${FILE}`, { bigint: true })
  // As makedev(3) puts them together and the kernel prints them
  const [major, minor] = [(dev >> 8n) & 0xfffn, (dev & 0xffn) | ((dev >> 12n) & 0xfff00n)]
  const place = [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':')
  const claim = new RegExp(`^\\d+: POSIX +ADVISORY +READ +(\\d+) ${place}:${ino} `, 'gm')
  return [...readFileSync('/proc/locks', 'latin1').matchAll(claim)].map(([, pid]) => Number(pid))
}

function livesIn(pid: number, group: string): boolean {
  const own = parseOwnCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8')) ?? ''
  const directories = findCgroupPlace().mounts.map((mount) => directoryOf(mount, own))
  return directories.some((directory) => directory === group || directory?.startsWith(`${group}/`))
}
