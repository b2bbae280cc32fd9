// This process becomes corral-warden, and that the command, or what holds it.
import { failure, KernelError } from '../common/errors.js'
import { loadNative, wardenPath } from '../native/addon.js'
import { REBUILD } from '../native/protocol.js'
import { asGiven, asLaunched } from './launched.js'

/** What the command is to inherit as if we were not there. What Node itself ignores is not for it. */
function inheritedWords(): string[] {
  const { ignored, blocked, openFiles } = asLaunched()
  return [
    ...['--ignored', ignored, '--blocked', blocked],
    ...(openFiles === undefined ? [] : ['--open-files', openFiles]),
  ]
}

/** Does not come back. @throws KernelError, NativeMissingError */
export function becomeWarden(words: readonly string[], command: readonly string[]): never {
  const native = loadNative() // without the addon there is no path either
  const warden = wardenPath()
  const all = ['corral-warden', ...words, ...inheritedWords(), '--', ...asGiven(command)]
  try {
    return native.execute(warden, all, asLaunched().descriptors)
  } catch (error) {
    throw failure(KernelError, `${warden} cannot be started`, error, REBUILD)
  }
}
