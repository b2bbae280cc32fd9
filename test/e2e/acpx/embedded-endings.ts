// What must hold of any agent in a program that embeds acpx: each ending with corral/acpx, which leaves nothing, and without,
// which leaves what it leaves.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Agent } from '../../../bench/demo/agents.mjs'
import { startGateway } from '../../../bench/demo/gateway-process.mjs'
import type { openPen } from '../../../bench/demo/pen.mjs'
import { SLOWNESS } from '../../support/eventually.js'
import { makeRooms } from '../client.js'
import { test } from '../penned.js'
import { LONG_PROMPT, leftovers, midway, nothingLeft, PROMPT, stopAgents } from './turns.js'

const HOST = fileURLToPath(new URL('host.mjs', import.meta.url))
const TIMEOUT_MS = 300_000 * SLOWNESS

type Host = Awaited<ReturnType<typeof startGateway>>

interface Place {
  host: Host
  /** The directory of all that is counted. */
  room: string
}

interface Ending {
  name: string
  /** Agents that it starts. */
  agents: number
  /** Takes agents into their turns, all leftovers up. */
  begin(place: Place, agent: Agent): Promise<void>
  end(place: Place): Promise<unknown>
  /** The host lives on. */
  survives: boolean
}

const turn = (key: string, mode: string) => ({ key, mode, prompt: PROMPT, wait: true })
const longTurn = (key: string, mode: string) => ({ key, mode, prompt: LONG_PROMPT, wait: false })

async function completed(host: Host, key: string, mode: string): Promise<void> {
  expect(await host.order('turn', turn(key, mode))).toMatchObject({ status: 'completed' })
}

const ENDINGS: Ending[] = [
  {
    name: 'a oneshot session is closed',
    agents: 1,
    begin: ({ host }) => completed(host, 'oneshot', 'oneshot'),
    end: ({ host }) => host.order('close', { key: 'oneshot', reason: 'oneshot-complete' }),
    survives: true,
  },
  {
    name: 'a turn is cancelled',
    agents: 1,
    async begin({ host, room }) {
      await host.order('turn', longTurn('cancelled', 'oneshot'))
      await midway(room)
    },
    end: ({ host }) => host.order('cancel', 'cancelled'),
    survives: true,
  },
  {
    name: 'a parent is reset',
    agents: 2,
    async begin({ host }) {
      await completed(host, 'mother', 'persistent')
      await completed(host, 'mother/child', 'persistent')
    },
    end: ({ host }) => host.order('reset', 'mother'),
    survives: true,
  },
  {
    name: 'the host is killed',
    agents: 1,
    async begin({ host, room }) {
      await host.order('turn', longTurn('killed', 'persistent'))
      await midway(room)
    },
    end: ({ host }) => host.crash(),
    survives: false,
  },
  {
    name: 'an agent that hangs is closed',
    agents: 1,
    async begin({ host, room }) {
      await host.order('turn', longTurn('hung', 'persistent'))
      await midway(room)
    },
    async end({ host, room }) {
      await stopAgents(room, [host.pid ?? 0])
      await host.order('close', { key: 'hung', reason: 'hung' })
    },
    survives: true,
  },
]

export function describeEmbeddedEndings(prepare: () => Promise<Agent>) {
  let agent: Agent

  beforeAll(async () => {
    agent = await prepare()
  })
  afterAll(() => agent?.end())

  async function start(pen: ReturnType<typeof openPen>, scratch: string, kind: 'ordinary' | 'contained') {
    const rooms = makeRooms(pen, kind)
    const stateDir = join(scratch, `state-${kind}`)
    mkdirSync(stateDir)
    const words = [stateDir, agent.command, ...agent.args]
    const log = join(scratch, `${kind}.log`)
    const host = await startGateway({ kind, ...rooms, log, program: HOST, words, env: agent.env })
    return { host, ...rooms }
  }

  describe('embedded, leaves nothing with corral/acpx, and something without, when', () => {
    for (const ending of ENDINGS)
      test(ending.name, { timeout: TIMEOUT_MS }, async ({ pen, scratch }) => {
        const contained = await start(pen, scratch, 'contained')
        await ending.begin(contained, agent)
        await ending.end(contained)
        await nothingLeft(contained.room, ending.survives ? [contained.host.pid ?? 0] : [])
        if (ending.survives) await contained.host.crash()

        const ordinary = await start(pen, scratch, 'ordinary')
        await ending.begin(ordinary, agent)
        await ending.end(ordinary).catch(() => undefined)
        await ordinary.host.crash()
        // What is left when even the host has gone
        expect(leftovers(ordinary.room)).toBeGreaterThanOrEqual(ending.agents)
      })
  })
}
