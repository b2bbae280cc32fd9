// One running gateway below a root: a directory, and a lock on it that the kernel lets go of when we die.
// Whoever can take the lock of an instance has proof that its owner is dead. native/core/instance.c makes them.
import { randomBytes } from 'node:crypto'
import { rmdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isGone, KernelError, RootError, systemCodeOf, systemDetails } from '../errors.js'
import type { Native } from '../native.js'
import { subdirectories } from './file.js'

/** The directory below the root that is Corral's. */
export const CORRAL = 'corral'
/** The directory below an instance that its sessions are in. */
export const SESSIONS = 'sessions'
/** The directory below an instance that its guard is in. */
export const WARDEN = 'warden'

export const ROOM_HINT =
  'The directory must be writable, and cgroup.max.descendants and cgroup.max.depth must leave room'

// A turn at corral/ takes a few system calls.
const TURN_PATIENCE_MS = 5000
const TURN_RETRY_MS = 2

export interface Instance {
  name: string
  path: string
  /** Holds the lock. */
  lock: number
}

export function newInstanceName(): string {
  return `i${randomBytes(5).toString('hex')}`
}

/** Creators and sweepers take turns by the lock of corral/: waits for ours. @throws KernelError when it does not come. */
async function takeTurn<T>(corral: string, take: () => T | undefined): Promise<T> {
  const deadline = performance.now() + TURN_PATIENCE_MS
  for (;;) {
    const taken = take()
    if (taken !== undefined) return taken
    if (performance.now() > deadline)
      throw new KernelError(`somebody has held the lock of ${corral} for ${TURN_PATIENCE_MS} ms`, {
        path: corral,
        hint: 'Look for a stopped corral process with `lsof` or `fuser` on that directory',
      })
    await sleep(TURN_RETRY_MS)
  }
}

/** Makes and locks an instance of our own. @throws RootError when the root does not let us. */
export async function createInstance(native: Native, root: string, name: string): Promise<Instance> {
  const corral = path.join(root, CORRAL)
  const command = process.argv.slice(0, 3).join(' ').slice(0, 512)
  try {
    const lock = await takeTurn(corral, () => native.makeInstance(root, name, command))
    return { name, path: path.join(corral, name), lock }
  } catch (error) {
    if (error instanceof KernelError) throw error
    throw new RootError(
      `nothing can be made below ${root}: ${(error as Error).message}`,
      systemDetails(error, ROOM_HINT),
    )
  }
}

/** Removes our own empty instance, lets its lock go, and takes corral/ away if it was the last. */
export function removeInstance(native: Native, root: string, instance: Instance): void {
  try {
    removeEmpty(instance.path)
  } finally {
    native.close(instance.lock)
  }
  removeCorral(root)
}

/** Removes corral/ if no instance is left. It needs no lock: a creator that finds it gone makes it anew. */
export function removeCorral(root: string): void {
  removeEmpty(path.join(root, CORRAL))
}

/** Removes a directory in which nothing is; leaves it where something is: false. */
export function removeEmpty(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    if (isGone(error)) return true
    if (systemCodeOf(error) === 'EBUSY' || systemCodeOf(error) === 'ENOTEMPTY') return false
    throw error
  }
}

/** The names of the instances below a root, dead and alive. */
export function listInstances(root: string): string[] {
  return subdirectories(path.join(root, CORRAL)).sort()
}

/** Whether somebody alive owns an instance. */
export function isAlive(native: Native, directory: string): boolean {
  const lock = native.lock(directory)
  if (lock === undefined) return true
  native.close(lock)
  return false
}

export interface DeadInstances {
  /** Locked by us: nobody else collects them. */
  dead: Instance[]
  live: string[]
}

/** Finds the instances whose owner is dead and takes their locks. */
export async function lockDeadInstances(native: Native, root: string): Promise<DeadInstances> {
  const corral = path.join(root, CORRAL)
  const found: DeadInstances = { dead: [], live: [] }
  let turn: number
  try {
    turn = await takeTurn(corral, () => native.lock(corral))
  } catch (error) {
    if (isGone(error)) return found
    throw error
  }
  try {
    for (const name of listInstances(root)) {
      const directory = path.join(corral, name)
      try {
        const lock = native.lock(directory)
        if (lock === undefined) found.live.push(name)
        else found.dead.push({ name, path: directory, lock })
      } catch (error) {
        if (!isGone(error)) throw error
      }
    }
  } catch (error) {
    for (const { lock } of found.dead) native.close(lock)
    throw error
  } finally {
    native.close(turn)
  }
  return found
}
