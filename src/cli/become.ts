// This process becomes corral-warden, and that the command, or what holds it.
import { failure, KernelError } from '../common/errors.js'
import { loadNative, wardenPath } from '../native/addon.js'
import { REBUILD } from '../native/protocol.js'
import { asGiven, asLaunched } from './launched.js'

/** The words of what the command is to inherit as if we were not there. What Node itself ignores is not for it. */
export function inheritedWords(): string[] {
  const { ignored, blocked, openFiles } = asLaunched()
  return [
    ...['--ignored', ignored.toString(16), '--blocked', blocked.toString(16)],
    ...(openFiles === undefined ? [] : ['--open-files', String(openFiles)]),
  ]
}

/** It gets the descriptors of the command, and `own`, too. Does not come back. @throws KernelError, NativeMissingError */
export function becomeWarden(
  words: readonly string[],
  command: readonly string[],
  own: number[] = [],
): never {
  const native = loadNative() // without the addon there is no path either
  const warden = wardenPath()
  const all = ['corral-warden', ...words, '--', ...asGiven(command, native)]
  try {
    return native.execute(warden, all, [...own, ...asLaunched().descriptors])
  } catch (error) {
    throw failure(KernelError, `${warden} cannot be started`, error, REBUILD)
  }
}
