// What must hold of any agent of the real acpx program that corral setup has contained: each ending with that, which leaves
// nothing, and with the same configuration as it was before, which leaves what it leaves.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Agent } from '../../../bench/demo/agents.mjs'
import { entering, members, type openPen } from '../../../bench/demo/pen.mjs'
import { SLOWNESS } from '../../support/eventually.js'
import { makeRooms } from '../client.js'
import { test } from '../penned.js'
import { commandLine } from '../processes.js'
import { LONG_PROMPT, leftovers, midway, nothingLeft, PROMPT, stopAgents } from './turns.js'

const ACPX = join(dirname(fileURLToPath(import.meta.resolve('acpx'))), 'cli.js')
const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const TIMEOUT_MS = 300_000 * SLOWNESS

interface Place {
  room: string
  /** Starts the program in the room, with the agent in its configuration. */
  acpx(...words: string[]): ChildProcess
}

interface Ending {
  name: string
  begin(place: Place): Promise<ChildProcess>
  end(place: Place, acpx: ChildProcess): Promise<unknown>
}

/** Starts a turn and waits until it is in its middle. */
async function inTurn({ acpx, room }: Place): Promise<ChildProcess> {
  const child = acpx('agent', 'exec', LONG_PROMPT)
  await midway(room)
  return child
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

const signalled = (signal: NodeJS.Signals) => (_: Place, child: ChildProcess) => {
  child.kill(signal)
  return ended(child)
}

const ENDINGS: Ending[] = [
  {
    name: 'a oneshot run is finished',
    begin: async ({ acpx }) => acpx('agent', 'exec', PROMPT),
    end: async (_, child) => expect(await ended(child)).toBe(0),
  },
  { name: 'a run is cancelled', begin: inTurn, end: signalled('SIGINT') },
  {
    name: 'a session is closed',
    async begin({ acpx }) {
      expect(await ended(acpx('agent', 'sessions', 'new'))).toBe(0)
      const child = acpx('agent', 'prompt', PROMPT)
      expect(await ended(child)).toBe(0)
      return child
    },
    end: async ({ acpx }) => expect(await ended(acpx('agent', 'sessions', 'close'))).toBe(0),
  },
  { name: 'acpx is killed', begin: inTurn, end: signalled('SIGKILL') },
  {
    name: 'acpx is ended with an agent that hangs',
    begin: inTurn,
    async end({ room }, child) {
      await stopAgents(
        room,
        members(room).filter((pid) => commandLine(pid).includes(ACPX)),
      )
      child.kill('SIGTERM')
      await ended(child)
    },
  },
]

export function describeWrappedEndings(prepare: () => Promise<Agent>) {
  let agent: Agent

  beforeAll(async () => {
    agent = await prepare()
  })
  afterAll(() => agent?.end())

  /** A home with a configuration of acpx, which `contained` has gone through corral setup. */
  async function place(pen: ReturnType<typeof openPen>, scratch: string, contained: boolean): Promise<Place> {
    const { room, house, root } = makeRooms(pen, contained ? 'contained' : 'ordinary')
    const [home, cwd] = [join(scratch, `home-${contained}`), join(scratch, `cwd-${contained}`)]
    for (const directory of [join(home, '.acpx'), cwd]) mkdirSync(directory, { recursive: true })
    const config = join(home, '.acpx/config.json')
    const argv = [agent.command, ...agent.args]
    writeFileSync(config, JSON.stringify({ defaultPermissions: 'approve-all', agents: { agent: { argv } } }))
    const env = { ...agent.env, HOME: home, XDG_DATA_HOME: join(home, 'data') }
    if (contained) await setup(root, env)
    const log = join(scratch, 'acpx.log')
    const acpx = (...words: string[]) => {
      const { command, args } = entering(house, process.execPath, [ACPX, ...words])
      const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
      // A file of its own, as what outlives it would keep our pipes open
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => appendFileSync(log, chunk))
      return child
    }
    return { room, acpx }
  }

  describe('behind acpx, leaves nothing after corral setup, and something before, when', () => {
    for (const ending of ENDINGS)
      test(ending.name, { timeout: TIMEOUT_MS }, async ({ pen, scratch }) => {
        const contained = await place(pen, scratch, true)
        await ending.end(contained, await ending.begin(contained))
        await nothingLeft(contained.room, [])

        const ordinary = await place(pen, scratch, false)
        await ending.end(ordinary, await ending.begin(ordinary))
        expect(
          leftovers(ordinary.room),
          readFileSync(join(scratch, 'acpx.log'), 'utf8'),
        ).toBeGreaterThanOrEqual(1)
      })
  })
}

async function setup(root: string, env: Record<string, string>): Promise<void> {
  const words = [CLI, 'setup', 'acpx', '--root', root, '--grace', '500', '--write']
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  expect(await ended(child)).toBe(0)
}
