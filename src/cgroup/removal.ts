// Taking a cgroup directory away with all below it, whatever the payload made there.
import { KernelError, systemCodeOf, systemDetails } from '../errors.js'
import type { Native } from '../native.js'
import { stuckError } from '../stuck.js'
import type { KillMethod } from './kill.js'

// How long the kernel may go on to say EBUSY for a group that it says is empty, before we look for who is in it.
const RELEASE_MS = 100

export interface Remover {
  native: Native
  killMethod: KillMethod
  /** Bound on killing, in ms. */
  killTimeoutMs: number
}

/**
 * Kills all that lives in a directory and below it, and removes it.
 * @throws StuckError when something outlives that; the directory is left.
 */
export async function removeTree(
  directory: string,
  { native, killMethod, killTimeoutMs }: Remover,
): Promise<void> {
  try {
    const ended = await native.endGroup(directory, {
      graceMs: 0,
      killMs: killTimeoutMs,
      freeze: killMethod === 'freeze',
    })
    if (!ended.empty) throw stuckError(directory, directory, ended.left, killTimeoutMs)
    await native.removeGroup(directory, killTimeoutMs)
  } catch (error) {
    throw systemCodeOf(error) === undefined ? error : refusal(directory, error)
  }
}

/**
 * Removes a directory that should be empty. A payload can make groups beside its own: what lives there is killed.
 * @throws StuckError as removeTree().
 */
export async function removeEmpty(directory: string, remover: Remover): Promise<void> {
  try {
    await remover.native.removeGroup(directory, RELEASE_MS)
  } catch (error) {
    if (systemCodeOf(error) !== 'EBUSY') throw refusal(directory, error)
    await removeTree(directory, remover)
  }
}

function refusal(directory: string, error: unknown): KernelError {
  return new KernelError(`${directory} cannot be removed: ${(error as Error).message}`, systemDetails(error))
}
