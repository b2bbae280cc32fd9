// A directory that no other user can enter (0700), for the socket of admission.ts: made for one containment, and removed with it.
// Its lock says that its gateway lives: to cleaners of temporary files, as systemd-tmpfiles(8) heeds it, and to later gateways,
// which remove what one that was killed has left.
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { isGone, isSystemError, KernelError, systemDetails } from '../../common/errors.js'
import { loadNative } from '../../native/addon.js'

const PREFIX = 'corral-acpx-'
/** The socket's name: native/core/admission.c. */
const SOCKET = 'admission'
const ATTEMPTS = 10

export interface OwnDirectory {
  path: string
  /** The descriptor that holds its lock. */
  lock: number
}

/** Where it may be, best first. XDG_RUNTIME_DIR goes when its user logs out, which a gateway can outlive. */
function places(): Set<string> {
  const all = [tmpdir(), '/tmp', '/dev/shm', process.env['XDG_RUNTIME_DIR'] || '/tmp']
  return new Set(all.map((place) => resolve(place)))
}

function makeIn(place: string): OwnDirectory {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const path = mkdtempSync(join(place, PREFIX))
    try {
      const lock = loadNative().lock(path)
      if (lock !== undefined) return { path, lock }
    } catch (error) {
      if (!isGone(error)) throw error
    }
    // Another gateway has just taken it for one that was left
  }
  throw new KernelError(`another program removes each directory that is made in ${place}`)
}

/**
 * Makes one, in the first place in which `use` succeeds as well.
 * @throws KernelError where there is no such place.
 */
export function makeOwnDirectory<Used>(use: (path: string) => Used): [OwnDirectory, Used] {
  const refusals: Error[] = []
  for (const place of places()) {
    let made: OwnDirectory | undefined
    try {
      made = makeIn(place)
      return [made, use(made.path)]
    } catch (error) {
      if (made) removeOwnDirectory(made)
      if (!isSystemError(error)) throw error
      refusals.push(error)
    }
  }
  throw new KernelError(
    `corral/acpx has no directory for its socket: ${refusals.map(({ message }) => message).join('; ')}`,
    systemDetails(refusals[0], 'Set TMPDIR to a directory that this user can write to'),
  )
}

export function removeOwnDirectory({ path, lock }: OwnDirectory): void {
  try {
    rmSync(join(path, SOCKET), { force: true })
    rmdirSync(path)
  } catch (error) {
    if (!isSystemError(error)) throw error // a cleaner was first, or there is something in it that is not ours
  } finally {
    loadNative().close(lock)
  }
}

/** Removes what gateways of this user that were killed have left beside a directory. */
export async function sweepBeside({ path }: OwnDirectory): Promise<void> {
  const place = dirname(path)
  for await (const { name } of await opendir(place))
    if (name.startsWith(PREFIX)) await removeIfLeft(join(place, name))
}

async function removeIfLeft(path: string): Promise<void> {
  try {
    if ((await lstat(path)).uid !== process.geteuid?.()) return
    const lock = loadNative().lock(path)
    if (lock !== undefined) removeOwnDirectory({ path, lock })
  } catch (error) {
    if (!isSystemError(error)) throw error // another gateway was first, or it is no directory
  }
}
