// Taking a cgroup directory away with all below it, whatever the payload made there.
import { KernelError, systemCodeOf, systemDetails } from '../errors.js'
import type { Native } from '../native.js'
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
export async function removeTree(
  directory: string,
  { native, killMethod, killTimeoutMs }: Remover,
): Promise<void> {
  const freeze = killMethod === 'freeze'
  try {
    const ended = await native.endGroup(directory, {
      graceMs: 0,
      killMs: killTimeoutMs,
      freeze,
      remove: true,
    })
    if (!ended.empty) throw stuckError(directory, directory, ended.left, killTimeoutMs)
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error
    throw new KernelError(`${directory} cannot be removed: ${(error as Error).message}`, systemDetails(error))
  }
}
