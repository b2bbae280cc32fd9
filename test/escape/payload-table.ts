// The programs that try to outlive their session, and what is known of each: how many it hides, and whom
// SIGTERM ends.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BACKEND } from '../support/backend.js'
import { isFrozen } from '../support/cgroup-tree.js'
import { compiled } from '../support/compile-payload.js'
import { eventually } from '../support/eventually.js'

/** Whether the leader is still there once the others are hidden. */
export type Leader = 'stay' | 'leave'

export interface Payload {
  file: string
  /** Processes beside the leader once all are in place; undefined where the number never stands still. */
  hidden?: number
  /** Processes, with a leader that stays, that are left some time after each got SIGTERM and SIGCONT. */
  afterTerm?: number
  /** Whether it makes groups in the one that it is in: two of it need one each. */
  makesGroups?: boolean
  /** Whether it stops all that is in its group: with a subreaper, that is whoever would end it. */
  stopsItsGroup?: boolean
  /** Waits for what the program cannot tell itself, in the group that it runs in. */
  settled?: (group: string) => Promise<unknown>
}

export const payloads = {
  'a hundred processes': { file: 'hundred.c', hidden: 100, afterTerm: 0 },
  'groups of its own, three deep': { file: 'nested-groups.c', makesGroups: true, hidden: 3, afterTerm: 0 },
  'a fork bomb': { file: 'fork-bomb.c' },
  'a process in a frozen group': { file: 'frozen-child.c', makesGroups: true, hidden: 1, afterTerm: 1 },
  'a group that froze itself': {
    file: 'frozen-whole.c',
    stopsItsGroup: true,
    hidden: 1,
    afterTerm: 2,
    settled: (group) => eventually(`${group} is frozen`, () => isFrozen(group)),
  },
  'threaded groups': { file: 'threaded-groups.c', makesGroups: true, hidden: 2, afterTerm: 0 },
  'groups that come and go': { file: 'churning-groups.c', makesGroups: true, hidden: 2, afterTerm: 0 },
  'stopped processes': { file: 'stopped.c', hidden: 10, afterTerm: 0 },
  'processes that ignore SIGTERM': { file: 'term-immune.sh', hidden: 2, afterTerm: 3 },
  'daemons of two forks': { file: 'daemon.c', hidden: 3, afterTerm: 0 },
  'children that the leader forgets': { file: 'orphans.sh', hidden: 3, afterTerm: 0 },
  'processes that fork anew on SIGTERM': { file: 'term-forker.c', hidden: 3, afterTerm: 4 },
  'a group without permissions': { file: 'shut-group.c', makesGroups: true, hidden: 1, afterTerm: 0 },
  'a process that holds stdout open': { file: 'stdout-holder.mjs', hidden: 1, afterTerm: 0 },
  'a process that always forks and ends': { file: 'refork.c' },
} as const satisfies Record<string, Payload>

export type PayloadName = keyof typeof payloads

/** For `describe.each` and `test.each`. */
export const payloadTable = (Object.entries(payloads) as [PayloadName, Payload][]).filter(
  ([, { stopsItsGroup }]) => BACKEND === 'cgroup' || !stopsItsGroup,
)

const directory = fileURLToPath(new URL('./payloads/', import.meta.url))

/** The command line of a payload; C programs are compiled if need be. */
export async function commandOf(
  payload: Payload,
  leader: Leader,
): Promise<{ command: string; args: string[] }> {
  const source = join(directory, payload.file)
  if (source.endsWith('.c')) return { command: await compiled(source), args: [leader] }
  return { command: source.endsWith('.sh') ? '/bin/sh' : process.execPath, args: [source, leader] }
}
