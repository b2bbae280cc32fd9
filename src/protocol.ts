// The number of what a gateway says to its guard and its keeper (native/core/protocol.h): a warden that does not know it refuses.
// That is so where the package was replaced by another version while the gateway runs, and starts another guard.
import { GuardError } from './errors.js'
import type { NativeExit } from './native.js'

export const PROTOCOL = 2

// STATUS_USAGE of a warden that knows no numbers, STATUS_PROTOCOL of one that does not know this (native/warden/tell.h)
const REFUSALS = [2, 3]

/** @throws GuardError where a warden has ended like that before it stood. */
export function assertSpoken(command: string, exit: NativeExit | undefined): void {
  if (!exit || !REFUSALS.includes(exit.code)) return
  throw new GuardError(
    `${command} does not speak protocol ${PROTOCOL} of this gateway: it is of another version`,
    {
      path: command,
      hint: 'The package was replaced while the gateway ran: restart the gateway, or install its version again',
    },
  )
}
