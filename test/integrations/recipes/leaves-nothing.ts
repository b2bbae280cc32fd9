// What every recipe has to hold: a program that daemonises is gone with its session, and would not be without Corral.

import { describe, expect } from 'vitest'
import type { Corral, Session } from '../../../src/index.js'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

// A child in a session of its own, and one that was forked twice, lost its environment and is deaf to SIGTERM. Each is waited for
// until it is that: up to then it has the shell's pipe.
const DAEMONS = [
  `: "$(setsid sh -c 'exec sleep 1000 >/dev/null 2>&1' </dev/null &)";`,
  `: "$( (trap '' TERM; exec setsid --fork env -i sh -c 'exec sleep 1000 >/dev/null 2>&1') </dev/null)";`,
].join(' ')

/** How many processes a DAEMONISING command leaves. */
export const DAEMON_COUNT = 2
/** A shell command that leaves them and says `ready`. */
export const DAEMONISING = `${DAEMONS} echo ready`

/** What a recipe gives. */
export interface Opened {
  session: Session<undefined>
  close(how?: { reason?: string; graceMs?: number }): Promise<unknown>
}

export type Contained = Pick<Corral, 'wrap'>

/**
 * `open` follows the recipe until the payload has daemonised; `end` is what a program without Corral does to end it.
 * `processes` are those of the payload beside its daemons.
 */
export function describeRecipe<Kind extends Opened>(
  name: string,
  processes: number,
  open: (corral: Contained, pen: Pen) => Promise<Kind>,
  end: (opened: Kind) => Promise<unknown>,
): void {
  describe(name, () => {
    test('leaves nothing of a program that daemonises', async ({ pen }) => {
      const corral = await openInPen(pen)
      const opened = await open(corral, pen)
      expect(opened.session.members().length).toBeGreaterThanOrEqual(processes + DAEMON_COUNT)

      await opened.close({ reason: 'over', graceMs: 500 })

      expect(await pen.members()).toEqual([])
      // The one that is deaf to SIGTERM; the other can be late in becoming what ends by it
      expect(opened.session.report?.killed.count).toBeGreaterThanOrEqual(1)
      await corral.close()
      expect(await pen.groups()).toEqual([])
    })

    test('is over as a whole when another ends its session', async ({ pen }) => {
      const corral = await openInPen(pen)
      const opened = await open(corral, pen)

      await corral.get(opened.session.key)?.close({ graceMs: 0 })

      expect(await pen.members()).toEqual([])
      await opened.close() // has nothing left to do, and does not fail for that
    })

    test('would leave the daemons without Corral', async ({ pen }) => {
      const opened = await open(uncontained(pen), pen)
      expect((await pen.members()).length).toBeGreaterThanOrEqual(processes + DAEMON_COUNT)

      await end(opened)

      await eventually(
        'all but the daemons are gone',
        async () => (await pen.members()).length <= DAEMON_COUNT,
      )
      expect(await pen.members()).toHaveLength(DAEMON_COUNT)
    })
  })
}

const ENTER = 'echo 0 >"$0/cgroup.procs" && exec "$@"'

/**
 * wrap() of a gateway without Corral: its command lines enter the pen, so that all are counted, and to close its session
 * does nothing.
 */
function uncontained(pen: Pen): Contained {
  const wrap = async (command: string, args: readonly string[] = []) => ({
    command: '/bin/sh',
    args: ['-c', ENTER, pen.path, command, ...args],
    session: { close: async () => undefined },
  })
  return { wrap } as unknown as Contained
}
