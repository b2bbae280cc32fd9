// Turns that leave processes, and what is there of them, in the directory that a host and its agents are in.
import { join } from 'node:path'
import { LEAVING_COMMAND, LEFTOVERS_PER_PROMPT, prompting } from '../../../bench/demo/leftovers.mjs'
import { members, subdirectories } from '../../../bench/demo/pen.mjs'
import { eventually } from '../../support/eventually.js'
import { commandLine, state } from '../processes.js'

const WORK = 'tail -f /dev/null'
const LEFTOVER = 'sleep 1000'
const MIDWAY_WITHIN_MS = 60_000

export const PROMPT = prompting(LEAVING_COMMAND)
/** A turn that goes on. */
export const LONG_PROMPT = prompting(`${LEAVING_COMMAND}; ${WORK}`)

const lines = (room: string) => members(room).map(commandLine)
const count = (room: string, line: string) => lines(room).filter((one) => one === line).length

/** How many processes there are of those that turns leave. */
export const leftovers = (room: string): number => count(room, LEFTOVER)

/** Resolves once a turn that goes on has left what it leaves. */
export async function midway(room: string): Promise<void> {
  await eventually(
    'the middle of the turn',
    () => count(room, WORK) >= 1 && leftovers(room) >= LEFTOVERS_PER_PROMPT,
    { withinMs: MIDWAY_WITHIN_MS, everyMs: 20, instead: () => lines(room) },
  )
}

/** The guards of the instances below `room`/root. */
export function guards(room: string): number[] {
  const instances = join(room, 'root/corral')
  return subdirectories(instances).flatMap((instance) => members(join(instances, instance, 'warden')))
}

/** Stops what makes up the agents, so that they hear nothing. */
export async function stopAgents(room: string, spared: number[]): Promise<void> {
  const others = [...spared, ...guards(room)]
  const agents = members(room).filter((pid) => {
    const line = commandLine(pid)
    return !others.includes(pid) && !/corral-warden/.test(line) && /agent|claude|codex|gemini/.test(line)
  })
  if (agents.length === 0) throw new Error(`there is no agent: ${lines(room).join('; ')}`)
  for (const pid of agents) process.kill(pid, 'SIGSTOP')
  await eventually('the agents are stopped', () => agents.every((pid) => state(pid) === 'T'))
}

/** Resolves when nobody but those is left, and the guards of instances: a host has helpers for a moment (ps). */
export async function nothingLeft(room: string, spared: number[]): Promise<void> {
  const left = () => members(room).filter((pid) => ![...spared, ...guards(room)].includes(pid))
  await eventually('nothing is left', () => left().length === 0, {
    instead: () => left().map(commandLine),
  })
}
