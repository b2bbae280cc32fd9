// Where cgroup v2 is mounted, and where in it this process is (proc_pid_mountinfo(5), cgroups(7)).
import { readFileSync } from 'node:fs'
import path from 'node:path'

export interface CgroupMount {
  /** Where it is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified on a hybrid host. */
  point: string
  /** The cgroup that is shown there, `/` unless a part was bind-mounted. */
  root: string
  writable: boolean
}

/** mountinfo writes blank, tab, newline and backslash as octal. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** The cgroup2 mounts in the text of a mountinfo file, in its order; with `controller`, those of v1 that have it. */
export function parseCgroupMounts(mountinfo: string, controller?: string): CgroupMount[] {
  const mounts: CgroupMount[] = []
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ')
    const fields = before?.split(' ') ?? []
    const [type, , superOptions] = after?.split(' ') ?? []
    const [root, point, options] = [fields[3], fields[4], fields[5]]
    const wanted =
      controller === undefined
        ? type === 'cgroup2'
        : type === 'cgroup' && superOptions?.split(',').includes(controller)
    if (!wanted || root === undefined || point === undefined) continue
    const readOnly = (list: string | undefined) => list?.split(',').includes('ro') ?? false
    mounts.push({
      point: unescapeOctal(point),
      root: unescapeOctal(root),
      writable: !readOnly(options) && !readOnly(superOptions),
    })
  }
  return mounts
}

/** The path after `0::` in the text of a /proc/PID/cgroup file; with `controller`, that in the v1 hierarchy that has it. */
export function parseOwnCgroup(text: string, controller?: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? []
    if (
      controller === undefined
        ? id === '0' && controllers === ''
        : controllers?.split(',').includes(controller)
    )
      return path
  }
  return undefined
}

export interface CgroupMounts {
  mounts: CgroupMount[]
  /** This process's cgroup as the kernel names it, relative to our cgroup namespace. */
  own: string | undefined
  /** The directory of `own`, where one of the mounts shows it. */
  ownDirectory: string | undefined
}

/** The directory in which `mount` shows the cgroup named `name`, if it does. */
export function directoryOf(mount: CgroupMount, name: string): string | undefined {
  // `/..` is how the kernel names what lies outside of our cgroup namespace
  if ([mount.root, name].some((cgroup) => cgroup.split('/').includes('..'))) return undefined
  const below = path.posix.relative(mount.root, name)
  return below === '..' || below.startsWith('../') ? undefined : path.posix.join(mount.point, below)
}

export function findCgroupMounts(): CgroupMounts {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  const own = parseOwnCgroup(readFileSync('/proc/self/cgroup', 'utf8'))
  const shown = own === undefined ? [] : mounts.map((mount) => directoryOf(mount, own))
  return { mounts, own, ownDirectory: shown.find((directory) => directory !== undefined) }
}
