// A gateway whose sessions are held by subreapers, in a pen, which has all that comes of it: the kernel's count, not the library's.
import type { OpenOptions } from '../../../src/index.js'
import { eventually } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { describeAll, type Pen } from '../../support/pen.js'

/** `by`: a command that executes it. */
export function startGateway(
  pen: Pen,
  options: OpenOptions = {},
  by: readonly string[] = [],
): Promise<Gateway> {
  return Gateway.open(pen, { backend: 'subreaper', ...options }, { by })
}

/** Soon, with nobody doing anything about it, nobody lives in the pen. */
export async function nobodyLeft(pen: Pen): Promise<void> {
  await eventually('nobody is left', async () => (await pen.members()).length === 0, {
    instead: async () => describeAll(await pen.members()),
  })
}

/** That so many processes are members of a session before long. */
export async function expectMembers(gateway: Gateway, key: string, count: number): Promise<void> {
  const members = () => gateway.ask('members', key) as Promise<unknown[]>
  await eventually(`${key} has ${count} members`, async () => (await members()).length === count, {
    instead: members,
  })
}
