// The programs of programs.mjs for tests: with types, and C compiled.
import { readFileSync } from 'node:fs'
import { chosen } from '../../behaviour/held/endings/chosen.js'
import { BACKEND } from '../../support/backend.js'
import { isFrozen } from '../../support/cgroup-tree.js'
import { compiled } from '../../support/compile-payload.js'
import { withShare } from '../../support/cpu-share.js'
import { EMULATED, eventually, SLOWNESS } from '../../support/eventually.js'
import { lacks } from '../../support/lacks.js'
import { basicPrograms, commandLine, programs } from './programs.mjs'

/** Whether the leader is still there once the others are hidden. */
export type Leader = 'stay' | 'leave'

/** The fields are explained in programs.mjs. */
export interface Payload {
  file: string
  hidden?: number
  afterTerm?: number
  makesGroups?: boolean
  bomb?: boolean
  hungry?: boolean
  freezes?: boolean
  crowds?: boolean
  by?: string
}

export type PayloadName = keyof typeof programs

export const payloads: Record<PayloadName, Payload> = programs

const table = (named: Partial<Record<PayloadName, Payload>>) =>
  Object.entries(named) as [PayloadName, Payload][]

/** For `describe.each` and `test.each`: all of them, or those that the run is for. */
export const payloadTable = chosen(
  'CORRAL_ESCAPE_PROGRAMS',
  table(programs).map(([name, payload]) => ({ name, payload })),
).map(({ name, payload }): [PayloadName, Payload] => [name, payload])

const CAP_SYS_NICE = 23n

/** Also root may have given it away: in a container. */
function mayGoFirst(): boolean {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n
}

// One who looks for a bomb process by process can come too late where looking is slow and he may not go first: an ordinary
// user, or a container, in an emulated or User Mode kernel. The bound on killing is then what ends it.
const outrun = EMULATED && !mayGoFirst()
if (outrun && BACKEND === 'subreaper')
  console.log('left out: a fork bomb under a subreaper that may not go first, in an emulated kernel')
// Where no cgroups are to be had, the programs have none either
if (lacks('cgroup')) console.log('left out: programs that make cgroups, for none can be made here')

/** Whether it is about the cgroup that it runs in: where none can be made, that is everybody's. */
export const needsGroup = ({ makesGroups, freezes }: Payload) => makesGroups === true || freezes === true

/** Whether a subreaper can hold it. One that freezes its group stops also whoever has no other. */
export const bySubreaper = ({ freezes, bomb, makesGroups }: Payload) =>
  !freezes && !(bomb && outrun) && !(makesGroups && lacks('cgroup'))

/** Those that other kernels and hosts have, where each process takes its time. */
export const basicTable = table(basicPrograms).filter(
  ([, payload]) => BACKEND === 'cgroup' || bySubreaper(payload),
)

/** Those of this host: an emulated kernel has neither the time nor the interpreters for all. */
export const tableHere = EMULATED ? basicTable : payloadTable

/** Whether it forks faster than a pen without a cgroup can look for it. */
export const outrunsPen = ({ bomb }: Payload) => bomb === true && outrun && lacks('cgroup')

/** What a payload says on a line of its own: that all of it is in place, or why that cannot be here. */
export const HIDDEN_OR_NOT = /^(hidden|cannot .*)$/

/** The command line of a payload; C programs are compiled if need be. */
export async function commandOf(
  payload: Payload,
  leader: Leader,
): Promise<{ command: string; args: string[] }> {
  const line = await commandLine(payload, leader, compiled)
  return payload.hungry ? withShare(line) : line
}

/** Waits for what the program cannot tell itself, in the group that it runs in. */
export async function settled({ freezes }: Payload, group: () => string): Promise<void> {
  if (freezes) await eventually(`${group()} is frozen`, () => isFrozen(group()))
}

/**
 * How long it is waited for what SIGTERM ends: all of them, or, where some go on, long enough for the others. How many there are
 * then is not looked at where that is a matter of chance.
 */
export function graceFor({ afterTerm }: Payload): number {
  if (afterTerm === 0) return 1_000_000
  return afterTerm === undefined ? 300 : 500 * SLOWNESS
}
