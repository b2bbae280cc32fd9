// Taking a cgroup directory away with all below it, whatever the payload made there.
import { failure, KernelError, systemCodeOf } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { stuckError } from '../stuck.js'
import type { KillMethod } from './kill.js'

export interface Remover {
  native: Native
  killMethod: KillMethod
  /** Bound on killing, in ms. */
  killTimeoutMs: number
}

/**
 * Kills all that lives in a directory and below it, and removes it. Nothing to do where it is gone.
 * @throws StuckError when something outlives that; the directory is left.
 */
export function removeTree(directory: string, remover: Remover): Promise<void> {
  return end(directory, remover, { remove: true })
}

/** The same for a directory that sessions are in, and with them what was started in there and has been moved out of it. */
export function removeSessions(directory: string, remover: Remover): Promise<void> {
  return end(directory, remover, { remove: true, outside: true })
}

/** The same, but the directories stay. */
export function emptySessions(directory: string, remover: Remover): Promise<void> {
  return end(directory, remover, { remove: false, outside: true })
}

/** As removeTree(), but the directory stays. */
export function emptyTree(directory: string, remover: Remover): Promise<void> {
  return end(directory, remover, { remove: false })
}

async function end(
  directory: string,
  { native, killMethod, killTimeoutMs }: Remover,
  { remove, outside = false }: { remove: boolean; outside?: boolean },
): Promise<void> {
  const freeze = killMethod === 'freeze'
  try {
    const ended = await native.endGroup(directory, {
      graceMs: 0,
      killMs: killTimeoutMs,
      freeze,
      remove,
      outside,
    })
    if (!ended.empty) throw stuckError(directory, directory, ended.left, killTimeoutMs)
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error
    throw failure(KernelError, `${directory} cannot be ${remove ? 'removed' : 'ended'}`, error)
  }
}
