// The real OpenClaw gateway with corral/openclaw and the configuration that `corral setup openclaw` writes, with the real claude
// behind ACP: what runs, resets and stops leave, and what they leave with less.
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Agent, claudeAgent } from '../../../bench/demo/agents.mjs'
import { LEFTOVERS_PER_PROMPT } from '../../../bench/demo/leftovers.mjs'
import { members } from '../../../bench/demo/pen.mjs'
import { eventually, SLOWNESS, stays } from '../../support/eventually.js'
import { guards, LONG_PROMPT, leftovers, midway, PROMPT } from '../acpx/turns.js'
import { test } from '../penned.js'
import { commandLine } from '../processes.js'
import { installOpenClaw, type Kind, MAIN, type OpenClaw, startOpenClaw } from './gateway.js'

const TIMEOUT_MS = 300_000 * SLOWNESS
// A run is over for OpenClaw some seconds after its agent has answered
const OVER_WITHIN_MS = 60_000
// More than it takes with the plugin
const PATIENCE_MS = 15_000

const WHOLE: Kind = { name: 'whole', wrapped: true, plugin: true }
const WRAPPED: Kind = { name: 'wrapped', wrapped: true, plugin: false }
const ORDINARY: Kind = { name: 'ordinary', wrapped: false, plugin: false }

let agent: Agent
let node: string
const directory = mkdtempSync(join(tmpdir(), 'corral-openclaw-'))
beforeAll(async () => {
  agent = await claudeAgent(directory)
  node = (await installOpenClaw()).node
})
afterAll(async () => {
  await agent?.end()
  rmSync(directory, { recursive: true, force: true })
})

function executable(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return undefined // it has gone
  }
}

/** All in the room but the gateway with its helpers, which alone are of its Node, and guards. */
function left({ room }: OpenClaw): number[] {
  const spared = guards(room)
  return members(room).filter((pid) => !spared.includes(pid) && ![undefined, node].includes(executable(pid)))
}

const nothingLeft = (gateway: OpenClaw) =>
  eventually('nothing is left', () => left(gateway).length === 0, {
    withinMs: OVER_WITHIN_MS,
    instead: () => [left(gateway).map(commandLine), gateway.said()],
  })

const turnsLeft = ({ room, said }: OpenClaw, turns: number) =>
  eventually('what the turns leave', () => leftovers(room) >= turns * LEFTOVERS_PER_PROMPT, {
    withinMs: OVER_WITHIN_MS,
    instead: said,
  })

/** Two agents in the middle of their turns: one that the main session has asked for, and one that this one has. */
async function family(gateway: OpenClaw): Promise<void> {
  const child = await gateway.spawn(LONG_PROMPT)
  await gateway.spawn(LONG_PROMPT, child)
  await turnsLeft(gateway, 2)
}

describe('OpenClaw', () => {
  test('leaves nothing of a run, a reset and a crash behind corral run', { timeout: TIMEOUT_MS }, async ({
    pen,
    scratch,
  }) => {
    const gateway = await startOpenClaw(pen, scratch, agent, WHOLE)

    await gateway.spawn(PROMPT)
    await turnsLeft(gateway, 1)
    await nothingLeft(gateway)

    await family(gateway)
    const held = members(gateway.root)
    const outside = left(gateway).filter((pid) => !held.includes(pid))
    expect(held.length).toBeGreaterThanOrEqual(2 * (agent.processes + LEFTOVERS_PER_PROMPT))
    for (const pid of outside) expect(commandLine(pid)).toMatch(/corral-warden run /)
    await gateway.call('sessions.reset', { key: MAIN })
    await nothingLeft(gateway)

    await gateway.spawn(LONG_PROMPT)
    await midway(gateway.room)
    await gateway.end('SIGKILL')
    await nothingLeft(gateway)
  })

  test('leaves nothing that it takes for ended, with the plugin', { timeout: TIMEOUT_MS }, async ({
    pen,
    scratch,
  }) => {
    const gateway = await startOpenClaw(pen, scratch, agent, { ...WHOLE, forgetful: true })
    await family(gateway)
    await gateway.call('sessions.reset', { key: MAIN })
    await nothingLeft(gateway)
    await eventually(
      'the word of the plugin',
      () => /session reset of agent:main:main: ended \S+ \(\d+ processes\)/.test(gateway.said()),
      { instead: gateway.said },
    )
  })

  test('leaves an agent that it takes for ended, without', { timeout: TIMEOUT_MS }, async ({
    pen,
    scratch,
  }) => {
    const gateway = await startOpenClaw(pen, scratch, agent, { ...WRAPPED, forgetful: true })
    await family(gateway)
    await gateway.call('sessions.reset', { key: MAIN })
    const hasAgent = () => left(gateway).map(commandLine).join('; ').includes('claude-agent-acp')
    await stays(hasAgent, { forMs: PATIENCE_MS, why: 'it has forgotten the agent', everyMs: 200 })
  })

  test('leaves what a run leaves, without corral run', { timeout: TIMEOUT_MS }, async ({ pen, scratch }) => {
    const gateway = await startOpenClaw(pen, scratch, agent, ORDINARY)
    await gateway.spawn(PROMPT)
    await turnsLeft(gateway, 1)
    await gateway.end('SIGTERM')
    expect(leftovers(gateway.room)).toBe(LEFTOVERS_PER_PROMPT)
  })
})
