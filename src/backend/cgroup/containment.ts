// Whether an instance of Corral holds a process: by the cgroup that it is in, and by nothing else.
import path from 'node:path'
import { isGone } from '../../common/errors.js'
import { directoryOf, findCgroupMounts } from '../../linux/mounts.js'
import type { Native } from '../../native/addon.js'
import { CORRAL, SESSIONS, WARDEN } from '../../native/language.js'
import { isAlive } from './instance.js'
import { searchRoot } from './root.js'

/** Every way to read a cgroup's name as `<root>/corral/<instance>/sessions/…`, or the guard's `…/warden`. */
function readings(cgroup: string): { root: string; instance: string }[] {
  const names = cgroup.split('/')
  return names.flatMap((name, at) => {
    const instance = names[at + 1]
    const place = names[at + 2]
    if (name !== CORRAL || instance === undefined || (place !== SESSIONS && place !== WARDEN)) return []
    const root = names.slice(0, at).join('/') || '/'
    return [{ root, instance }]
  })
}

/** Where instances can be: at each candidate, and below `root`. */
function rootsKnown(native: Native, root: string | undefined): string[] {
  const searched = [undefined, ...(root === undefined ? [] : [root])]
  return searched
    .flatMap((explicit) => searchRoot(native, explicit).candidates.map((candidate) => candidate.path))
    .filter((one) => one !== undefined)
}

/**
 * Whether a process is contained, by its cgroup: it is where that is in an instance below a known root or `root` (a sweep collects it if
 * the owner is dead), or in one anywhere else whose owner lives. An instance that cannot be looked at from here, in a
 * part of the hierarchy that is not mounted, is taken at its word.
 */
export function containment(native: Native, root?: string): (cgroup: string) => boolean {
  const known = new Set(rootsKnown(native, root))
  const { mounts } = findCgroupMounts()
  const judged = new Map<string, boolean>()
  const judge = (directory: string, top: string) => {
    if (known.has(top)) return true
    try {
      return isAlive(native, directory)
    } catch (error) {
      if (isGone(error)) return false
      return true // one that we may not open is another user's
    }
  }
  return (cgroup) =>
    readings(cgroup).some(({ root: name, instance }) => {
      const shown = mounts.map((mount) => directoryOf(mount, name)).find((one) => one !== undefined)
      if (shown === undefined) return true
      const directory = path.join(shown, CORRAL, instance)
      const held = judged.get(directory) ?? judge(directory, shown)
      judged.set(directory, held)
      return held
    })
}
