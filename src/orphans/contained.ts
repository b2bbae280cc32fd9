// Whether an instance of Corral holds a process: by the cgroup that it is in, and by nothing else.
import path from 'node:path'
import { CORRAL, isAlive, SESSIONS, WARDEN } from '../backend/cgroup/instance.js'
import { isGone } from '../common/errors.js'
import { type CgroupMount, directoryOf } from '../linux/mounts.js'
import type { Native } from '../native/addon.js'

/** Every way to read a cgroup's name as `<root>/corral/<instance>/sessions/…`, or the guard's `…/warden`. */
function readings(cgroup: string): { root: string; instance: string }[] {
  const names = cgroup.split('/')
  return names.flatMap((name, at) => {
    const instance = names[at + 1]
    const part = names[at + 2]
    if (name !== CORRAL || instance === undefined || (part !== SESSIONS && part !== WARDEN)) return []
    const root = names.slice(0, at).join('/') || '/'
    return [{ root, instance }]
  })
}

/**
 * Tells who is contained, by the cgroup of a process: whoever is in an instance below one of `roots` (a sweep collects him if
 * the owner is dead), or in one anywhere else whose owner lives. An instance that cannot be looked at from here, in a
 * part of the hierarchy that is not mounted, is taken at its word.
 */
export function containment(
  native: Native,
  mounts: CgroupMount[],
  roots: string[],
): (cgroup: string) => boolean {
  const known = new Set(roots)
  const judged = new Map<string, boolean>()
  const judge = (directory: string, root: string) => {
    if (known.has(root)) return true
    try {
      return isAlive(native, directory)
    } catch (error) {
      if (isGone(error)) return false
      return true // one that we may not open is somebody else's
    }
  }
  return (cgroup) =>
    readings(cgroup).some(({ root, instance }) => {
      const shown = mounts.map((mount) => directoryOf(mount, root)).find((one) => one !== undefined)
      if (shown === undefined) return true
      const directory = path.join(shown, CORRAL, instance)
      const held = judged.get(directory) ?? judge(directory, shown)
      judged.set(directory, held)
      return held
    })
}
