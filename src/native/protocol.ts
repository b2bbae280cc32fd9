// The number of what processes of Corral say to each other (native/core/language.h): who gets one that it does not know refuses.
// That is so where a package was replaced by another version while its gateway runs, or where one is installed beside another.
import { failure, GuardError } from '../common/errors.js'
import type { NativeExit } from './addon.js'
import { PROTOCOL, STATUS } from './language.js'

export { PROTOCOL }

// One that knows no numbers takes the option for a mistake
const REFUSALS: number[] = [STATUS.usage, STATUS.protocol]

/** Where there is no warden, or one for another machine. */
export const REBUILD = 'Run `npx corral build`, which builds the program beside the addon'

/** Of a warden, as guard or as keeper. */
export function notStarted(command: string, cause: unknown): GuardError {
  return failure(GuardError, `${command} cannot be started`, cause, REBUILD)
}

/** @throws GuardError where a warden has ended like that before it stood. */
export function assertSpoken(command: string, exit: NativeExit | undefined): void {
  if (!exit || !REFUSALS.includes(exit.code)) return
  throw new GuardError(
    `${command} is of another version: it does not speak protocol ${PROTOCOL} of this gateway`,
    {
      path: command,
      hint: 'Restart the gateway, or install its version again: the package was replaced while the gateway ran',
    },
  )
}

/** Why another process of Corral cannot be talked to; undefined where its number, which 0.1.0 does not give, is known. */
export function unspoken(protocol: number | undefined): string | undefined {
  if (protocol === undefined || protocol <= PROTOCOL) return undefined
  return saying(protocol)
}

/** What is to be said of one that speaks that protocol and has refused ours, or has one that is unknown here. */
export function saying(protocol: number): string {
  return `it speaks protocol ${protocol}, and this corral speaks ${PROTOCOL}: use the version of corral that its gateway has`
}
