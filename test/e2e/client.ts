// A client that starts its agent by `corral run`: a process of its own, so that it can be killed, which talks
// to the agent over stdin and stdout and knows nothing of Corral.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Agent } from '../../bench/demo/agents.mjs'
import { startGateway } from '../../bench/demo/gateway-process.mjs'
import { LEAVING_PROMPT, LEFTOVERS_PER_PROMPT } from '../../bench/demo/leftovers.mjs'
import { entering, members, type openPen, subdirectories } from '../../bench/demo/pen.mjs'
import { eventually } from '../support/eventually.js'
import { children } from './processes.js'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

type Pen = ReturnType<typeof openPen>

/** The name under which clients know the only agent that they have. */
export const KEY = 'agent'

/** Cgroup directories of a run: the gateway's, the root that Corral builds in, and what both are below. */
interface Rooms {
  room: string
  house: string
  root: string
  /** The command line that starts a command in the house. */
  entering: Parameters<typeof startGateway>[0]['entering']
}

export interface Run {
  client: Awaited<ReturnType<typeof startGateway>>
  /** What the client started, and what its signals reach. */
  supervisor: number
  guard: number
  rooms: Rooms
  /** The directory of the instance in which the agent is. */
  sessions: string
}

export function makeRooms(pen: Pen, name: string): Rooms {
  const room = pen.room(name)
  const [house, root] = [join(room, 'gateway'), join(room, 'root')]
  mkdirSync(house)
  mkdirSync(root)
  return { room, house, root, entering: (command, args) => entering(house, command, args) }
}

/** The command line of an agent behind `corral run`. */
export function contained(root: string, { command, args }: Pick<Agent, 'command' | 'args'>) {
  return { command: process.execPath, args: [CLI, 'run', '--root', root, '--', command, ...args] }
}

/** A client, and its agent after a first turn that left processes. */
export async function startRun(pen: Pen, scratch: string, agent: Agent, name = 'run'): Promise<Run> {
  const rooms = makeRooms(pen, name)
  const { root } = rooms
  const client = await startGateway({ kind: 'ordinary', ...rooms, log: join(scratch, `${name}.log`) })
  const { stopReason } = await client.order('begin', {
    key: KEY,
    ...contained(root, agent),
    env: agent.env,
    cwd: scratch,
    prompt: LEAVING_PROMPT,
  })
  if (stopReason !== 'end_turn') throw new Error(`the first turn ended with ${stopReason}`)

  const instance = join(root, 'corral', only(subdirectories(join(root, 'corral')), 'instance'))
  const sessions = join(instance, 'sessions')
  const up = members(sessions).length
  if (up < agent.processes + LEFTOVERS_PER_PROMPT) throw new Error(`only ${up} processes are up`)
  const supervisor = only(children(client.pid as number), 'child of the client')
  const guard = only(members(join(instance, 'warden')), 'guard')
  return { client, supervisor, guard, rooms, sessions }
}

/** Resolves when nobody is left in the rooms but those, and no directory of Corral's. */
export async function goneBut(alive: number[], { room, root }: Rooms): Promise<void> {
  const left = () => ({ processes: members(room), directories: subdirectories(root) })
  const expected = JSON.stringify({ processes: alive, directories: [] })
  await eventually(`${expected} left`, () => JSON.stringify(left()) === expected, {
    instead: left,
  })
}

function only<T>(found: T[], what: string): T {
  const [first, ...others] = found
  if (first === undefined || others.length > 0) throw new Error(`${found.length} times a ${what}, not once`)
  return first
}
