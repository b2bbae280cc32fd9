// One running gateway below a root: a directory, and a lock on it that the kernel lets go of when we die. An instance
// whose owner holds its lock no more is dead. native/core/instance.c makes them, and tells them from what is not ours.

import path from 'node:path'
import { randomHex } from '../../common/builtins.js'
import { now, sleep } from '../../common/clock.js'
import { failure, isGone, KernelError, RootError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { CORRAL } from '../../native/language.js'
import type { ForeignDirectory } from '../facts.js'

export const ROOM_HINT =
  'Make the directory writable, and raise cgroup.max.descendants and cgroup.max.depth where they leave no room'

/** Of all directories that Corral makes: others go through them, and neither list nor open (and so lock) them. */
export const DIRECTORY_MODE = 0o711

// A sweeper that takes a new instance for a dead one removes an empty directory.
const MAKE_PATIENCE_MS = 5000
const MAKE_RETRY_MS = 2

export interface Instance {
  name: string
  path: string
  /** Holds the lock. */
  lock: number
}

export function newInstanceName(): string {
  return `i${randomHex(5)}`
}

/** Does some work with the root held open, so that all below it is reached from there. */
export async function holding<T>(native: Native, root: string, work: () => Promise<T>): Promise<T> {
  native.holdRoot(root)
  try {
    return await work()
  } finally {
    native.releaseRoot(root)
  }
}

/** Whether a root can be held: false where the kernel says that there is no such directory. @throws its other refusals. */
export function isThere(native: Native, root: string): boolean {
  try {
    native.holdRoot(root)
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
  native.releaseRoot(root)
  return true
}

/** Makes and locks an instance of our own. @throws RootError when the root does not let us. */
export async function createInstance(native: Native, root: string, name: string): Promise<Instance> {
  const directory = path.join(root, CORRAL, name)
  const command = process.argv.slice(0, 3).join(' ').slice(0, 512)
  try {
    const deadline = now() + MAKE_PATIENCE_MS
    for (;;) {
      const lock = native.makeInstance(root, name, command)
      if (lock !== undefined) return { name, path: directory, lock }
      if (now() > deadline)
        throw new KernelError(
          `another process has held the lock of ${directory} for ${MAKE_PATIENCE_MS} ms`,
          {
            path: directory,
            hint: 'Look for a stopped corral process with `lsof` or `fuser` on that directory',
          },
        )
      await sleep(MAKE_RETRY_MS)
    }
  } catch (error) {
    if (error instanceof KernelError) throw error
    throw failure(RootError, `cannot create an instance below ${root}`, error, ROOM_HINT)
  }
}

/** Removes our own empty instance, lets its lock go, and takes corral/ away if it was the last. */
export function removeInstance(native: Native, root: string, instance: Instance): void {
  try {
    native.removeEmpty(instance.path)
  } finally {
    native.close(instance.lock)
  }
  native.removeInstancesDirectory(root)
}

/** Whether a living process owns an instance. */
export function isAlive(native: Native, directory: string): boolean {
  const lock = native.lock(directory)
  if (lock === undefined) return true
  native.close(lock)
  return false
}

/** The instances below a root, in the order of their names, and what lies beside them. */
export function listInstances(
  native: Native,
  root: string,
): { instances: { name: string; alive: boolean }[]; foreign: ForeignDirectory[] } {
  const { dead, live, ending, foreign } = lockDeadInstances(native, root)
  for (const { lock } of dead) native.close(lock)
  const instances = [
    ...live.map((name) => ({ name, alive: true })),
    ...[...ending, ...dead.map(({ name }) => name)].map((name) => ({ name, alive: false })),
  ]
  return { instances: instances.sort((a, b) => (a.name < b.name ? -1 : 1)), foreign }
}

export interface FoundInstances {
  /** Locked by us, unless a stranger has the lock. */
  dead: Instance[]
  live: string[]
  /** Dead, and being collected by another process. */
  ending: string[]
  /** Directories that are not ours. */
  foreign: ForeignDirectory[]
}

/** Finds the instances below a root, and takes the locks of those whose owner is dead. */
export function lockDeadInstances(native: Native, root: string): FoundInstances {
  const found: FoundInstances = { dead: [], live: [], ending: [], foreign: [] }
  for (const { name, state, lock, why } of native.instances(root)) {
    const directory = path.join(root, CORRAL, name)
    if (state === 'dead') found.dead.push({ name, path: directory, lock })
    else if (state === 'live') found.live.push(name)
    else if (state === 'ending') found.ending.push(name)
    else found.foreign.push({ path: directory, why })
  }
  return found
}
