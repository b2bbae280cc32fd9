// Marks that a group is being ended from outside (`corral kill`), for its owner to report. A label is not enough: the session in the group
// can write those too. So it is a record lock (fcntl(2)) on a file of the group: of each of these the kernel tells whose it is
// (proc_locks(5)), and that process must not be of the session.
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { isSystemError } from '../../common/errors.js'
import { directoryOf, findCgroupMounts, parseOwnCgroup } from '../../linux/mounts.js'
import type { Native } from '../../native/addon.js'
import { KILLED_LABEL } from '../../native/language.js'

// No process can open it for writing, and so none can keep others from a read lock on it. Corral does not read it: to close any
// descriptor of a file gives up the record locks that a process has on it
const FILE = 'cgroup.stat'

/** Held until the descriptor is closed. @throws a system error, such as that of a group that is gone */
export function claimEnding(native: Native, group: string): number {
  return native.claim(`${group}/${FILE}`)
}

/** A claim on a group's ending, of a process that is not in the group itself. */
export class Claim {
  readonly #pid: number
  /** The file, as /proc/locks names it. */
  readonly #file: string

  private constructor(pid: number, file: string) {
    this.#pid = pid
    this.#file = file
  }

  /** Undefined also where that cannot be read. */
  static on(native: Native, group: string): Claim | undefined {
    try {
      if (!isLabelled(native, group)) return undefined
      const file = fileOf(group)
      const real = realpathSync(group)
      const claimants = locksOn(file, readFileSync(LOCKS, 'latin1')).map(({ pid }) => pid)
      const pid = claimants.find((one) => !livesIn(one, real))
      return pid === undefined ? undefined : new Claim(pid, file)
    } catch (error) {
      if (isSystemError(error)) return undefined
      throw error
    }
  }

  /** How many its owner has killed, by the text of LOCKS (native/core/lock.h). */
  killed(locks: string): number {
    const own = locksOn(this.#file, locks).find(({ pid, start }) => pid === this.#pid && start === 2)
    return own ? own.end - 1 : 0
  }
}

export const LOCKS = '/proc/locks'

/**
 * Whether somebody says so who ends it from outside: who claims a group labels it then. A session can, too, and only has us read LOCKS,
 * for which the kernel waits until all processors are done with such files (locks_start() in fs/locks.c), milliseconds each time.
 */
function isLabelled(native: Native, group: string): boolean {
  try {
    return native.getLabel(group, KILLED_LABEL) !== undefined
  } catch (error) {
    if (isSystemError(error)) return true // the session has taken the permissions from its group
    throw error
  }
}

/** Device and inode number. */
function fileOf(group: string): string {
  const { dev, ino } = statSync(`${group}/${FILE}`, { bigint: true })
  // As makedev(3) puts them together and the kernel prints them
  const [major, minor] = [(dev >> 8n) & 0xfffn, (dev & 0xffn) | ((dev >> 12n) & 0xfff00n)]
  return `${[major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':')}:${ino}`
}

function locksOn(file: string, locks: string): { pid: number; start: number; end: number }[] {
  const lock = new RegExp(`^\\d+: POSIX +ADVISORY +READ +(\\d+) ${file} (\\d+) (\\d+)`, 'gm')
  return [...locks.matchAll(lock)].map(([, pid, start, end]) => ({
    pid: Number(pid),
    start: Number(start),
    end: Number(end),
  }))
}

function livesIn(pid: number, group: string): boolean {
  const own = parseOwnCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8')) ?? ''
  const directories = findCgroupMounts().mounts.map((mount) => directoryOf(mount, own))
  return directories.some((directory) => directory === group || directory?.startsWith(`${group}/`))
}
