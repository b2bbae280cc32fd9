// The programs of programs.mjs for tests: with types, and C compiled.
import { BACKEND } from '../support/backend.js'
import { isFrozen } from '../support/cgroup-tree.js'
import { compiled } from '../support/compile-payload.js'
import { eventually } from '../support/eventually.js'
import { basicPrograms, commandLine, programs } from './programs.mjs'

/** Whether the leader is still there once the others are hidden. */
export type Leader = 'stay' | 'leave'

/** The fields are explained in programs.mjs. */
export interface Payload {
  file: string
  hidden?: number
  afterTerm?: number
  makesGroups?: boolean
  freezes?: boolean
  by?: string
}

export type PayloadName = keyof typeof programs

export const payloads: Record<PayloadName, Payload> = programs

const table = (named: Partial<Record<PayloadName, Payload>>) =>
  Object.entries(named) as [PayloadName, Payload][]

/** For `describe.each` and `test.each`: all of them. */
export const payloadTable = table(programs)

/** Those that test/kill takes through each ending in detail. One that freezes its group stops also whoever has no other. */
export const basicTable = table(basicPrograms).filter(([, { freezes }]) => BACKEND === 'cgroup' || !freezes)

/** What a payload says on a line of its own: that all of it is in place, or why that cannot be here. */
export const HIDDEN_OR_NOT = /^(hidden|cannot .*)$/

/** The command line of a payload; C programs are compiled if need be. */
export function commandOf(payload: Payload, leader: Leader): Promise<{ command: string; args: string[] }> {
  return commandLine(payload, leader, compiled)
}

/** Waits for what the program cannot tell itself, in the group that it runs in. */
export async function settled({ freezes }: Payload, group: string): Promise<void> {
  if (freezes) await eventually(`${group} is frozen`, () => isFrozen(group))
}
