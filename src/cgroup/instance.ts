// One running gateway below a root: a directory, and a lock on it that the kernel lets go of when we die.
// Whoever can take the lock of an instance has proof that its owner is dead.
import { randomBytes } from 'node:crypto'
import { fstatSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isGone, KernelError, RootError, systemCodeOf, systemDetails } from '../errors.js'
import type { Native } from '../native.js'
import { subdirectories } from './file.js'
import { COMMAND_LABEL, PID_LABEL } from './labels.js'

/** The directory below the root that is Corral's. */
export const CORRAL = 'corral'
/** The directory below an instance that its sessions are in. */
export const SESSIONS = 'sessions'

// The lock on corral/ is held for a few system calls at a time.
const LOCK_PATIENCE_MS = 5000
const LOCK_RETRY_MS = 2

export interface Instance {
  name: string
  path: string
  /** Holds the lock. */
  lock: number
}

/** Locks corral/ itself, so that creators and sweepers take turns. @throws KernelError after LOCK_PATIENCE_MS. */
async function lockAll(native: Native, corral: string): Promise<number> {
  const deadline = performance.now() + LOCK_PATIENCE_MS
  for (;;) {
    const lock = native.lock(corral)
    if (lock !== undefined) {
      if (isSameDirectory(corral, lock)) return lock
      native.close(lock) // it was removed, perhaps made anew, between our open and our lock
      throw Object.assign(new Error('removed meanwhile'), { errno: -2 })
    }
    if (performance.now() > deadline)
      throw new KernelError(`somebody has held the lock of ${corral} for ${LOCK_PATIENCE_MS} ms`, {
        path: corral,
        hint: 'Look for a stopped corral process with `lsof` or `fuser` on that directory',
      })
    await sleep(LOCK_RETRY_MS)
  }
}

function isSameDirectory(directory: string, fd: number): boolean {
  try {
    return statSync(directory).ino === fstatSync(fd).ino
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

function newName(): string {
  return `i${randomBytes(5).toString('hex')}`
}

/** Makes and locks an instance of our own. @throws RootError when the root does not let us. */
export async function createInstance(native: Native, root: string): Promise<Instance> {
  const corral = path.join(root, CORRAL)
  for (;;) {
    try {
      mkdirSync(corral, { recursive: true })
      const all = await lockAll(native, corral)
      try {
        return makeLocked(native, corral)
      } finally {
        native.close(all)
      }
    } catch (error) {
      if (isGone(error)) continue // the last instance of another process took corral/ away with it
      if (error instanceof KernelError) throw error
      throw new RootError(
        `nothing can be made below ${root}`,
        systemDetails(
          error,
          'The directory must be writable, and cgroup.max.descendants and cgroup.max.depth must leave room',
        ),
      )
    }
  }
}

function makeLocked(native: Native, corral: string): Instance {
  const name = newName()
  const directory = path.join(corral, name)
  mkdirSync(directory)
  try {
    const lock = native.lock(directory)
    if (lock === undefined)
      throw new KernelError(`somebody locked the new directory ${directory}`, { path: directory })
    native.setLabel(directory, PID_LABEL, String(process.pid))
    native.setLabel(directory, COMMAND_LABEL, process.argv.slice(0, 3).join(' ').slice(0, 512))
    return { name, path: directory, lock }
  } catch (error) {
    rmdirSync(directory)
    throw error
  }
}

/** Removes our own empty instance, lets its lock go, and takes corral/ away if it was the last. */
export async function removeInstance(native: Native, root: string, instance: Instance): Promise<void> {
  try {
    removeEmpty(instance.path)
  } finally {
    native.close(instance.lock)
  }
  await removeCorral(native, root)
}

/** Removes corral/ if no instance is left. Under its lock, so that nobody is making one in it at this moment. */
export async function removeCorral(native: Native, root: string): Promise<void> {
  const corral = path.join(root, CORRAL)
  try {
    const all = await lockAll(native, corral)
    try {
      removeEmpty(corral)
    } finally {
      native.close(all)
    }
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    if (!isGone(error) && systemCodeOf(error) !== 'EBUSY' && systemCodeOf(error) !== 'ENOTEMPTY') throw error
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
  let all: number
  try {
    all = await lockAll(native, corral)
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
  } finally {
    native.close(all)
  }
  return found
}
