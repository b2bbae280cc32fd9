// This process becomes corral-warden, and that the command, or what holds it.
import { failure, KernelError } from '../common/errors.js'
import { loadNative, wardenPath } from '../native/addon.js'
import { asGiven, asLaunched } from './launched.js'

/** What the command is to inherit as if we were not there. What Node itself ignores is not for it. */
function inheritedWords(): string[] {
  const { ignored, blocked, openFiles } = asLaunched()
  return [
    ...['--ignored', ignored, '--blocked', blocked],
    ...(openFiles === undefined ? [] : ['--open-files', openFiles]),
  ]
}

/** Does not come back. @throws KernelError */
export function becomeWarden(words: readonly string[], command: readonly string[]): never {
  const warden = wardenPath()
  const all = ['corral-warden', ...words, ...inheritedWords(), '--', ...asGiven(command)]
  try {
    return loadNative().execute(warden, all, asLaunched().descriptors)
  } catch (error) {
    throw failure(KernelError, `cannot run ${warden}`, error)
  }
}
