// The real claude is stopped in the middle of a turn, with a tool call running: it hears neither the end of
// its input nor SIGTERM, and those above it in the tree know nothing of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Corral, Session } from 'corral'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Agent, claudeAgent } from '../../bench/demo/agents.mjs'
import { converse } from '../../bench/demo/conversation.mjs'
import { startGateway } from '../../bench/demo/gateway-process.mjs'
import { LEAVING_COMMAND, LEFTOVERS_PER_PROMPT, prompting } from '../../bench/demo/leftovers.mjs'
import { entering, members, subdirectories } from '../../bench/demo/pen.mjs'
import { eventually } from '../support/eventually.js'
import { contained, goneBut, KEY, makeRooms } from './client.js'
import { test } from './penned.js'
import { commandLine, state } from './processes.js'

const WORK = 'tail -f /dev/null'
const PROMPT = prompting(`${LEAVING_COMMAND}; ${WORK}`)
const MIDWAY_WITHIN_MS = 60_000
const DEFAULT_GRACE_MS = 2000
const TERMINATED = [null, 'SIGTERM']

/** Stops claude, and nobody else, once its tool call runs and has left what it leaves. Resolves to its pid. */
async function stopMidway(group: string): Promise<number> {
  const lines = () => members(group).map(commandLine)
  const count = (line: string) => lines().filter((candidate) => candidate === line).length
  await eventually(
    'the middle of the turn',
    () => count(WORK) === 1 && count('sleep 1000') === LEFTOVERS_PER_PROMPT,
    { withinMs: MIDWAY_WITHIN_MS, everyMs: 20, instead: lines },
  )
  const [claude, ...others] = members(group).filter((pid) => commandLine(pid) === 'claude')
  if (claude === undefined || others.length > 0) throw new Error(`not one claude: ${lines().join('; ')}`)
  process.kill(claude, 'SIGSTOP')
  await eventually('claude is stopped', () => state(claude) === 'T')
  return claude
}

/** The turn that is under way ends with the connection, or with the gateway, and not by an answer. */
async function expectCut(turn: Promise<unknown>) {
  await expect(turn).rejects.toThrow(/connection closed|ended with SIGKILL/)
}

describe('claude, stopped in the middle of a turn,', () => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-claude-'))
  let agent: Agent

  beforeAll(async () => {
    agent = await claudeAgent(directory)
  })
  afterAll(async () => {
    await agent?.end()
    rmSync(directory, { recursive: true, force: true })
  })

  async function stoppedSession(
    corral: Corral,
    cwd: string,
  ): Promise<{ session: Session; cut: Promise<void> }> {
    const { command, args, env } = agent
    const session = await corral.spawn({
      key: KEY,
      command,
      args,
      env,
      cwd,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const cut = expectCut(converse(session.process, { cwd, prompt: PROMPT }))
    await stopMidway(session.receipt.path)
    return { session, cut }
  }

  describe('without Corral', () => {
    test('outlives all that hosts do, with all of its tree but what they started', async ({
      pen,
      scratch,
    }) => {
      const rooms = makeRooms(pen, 'plain')
      const { house } = rooms
      const client = await startGateway({ kind: 'ordinary', ...rooms, log: join(scratch, 'stderr.log') })
      const { command, args, env } = agent
      const plain = entering(house, command, args)
      const cut = expectCut(client.order('begin', { key: KEY, ...plain, env, cwd: scratch, prompt: PROMPT }))
      const claude = await stopMidway(house)
      const before = members(house)

      // End of input, 100 ms, SIGTERM to the pid that it started, 1.5 s, SIGKILL.
      await client.order('close', KEY)

      const after = members(house)
      expect(after).toContain(claude)
      expect(state(claude)).toBe('T')
      // npm, and the shell through which it starts commands.
      expect(before.length - after.length).toBeLessThanOrEqual(2)
      await client.crash()
      await cut
    })
  })

  describe('in a session of the library', () => {
    test('is ended by close(), which has to kill what is deaf to SIGTERM', async ({ corral, scratch }) => {
      const { session, cut } = await stoppedSession(corral, scratch)

      const report = await session.close()

      expect(existsSync(session.receipt.path)).toBe(false)
      expect(report).toMatchObject({ reason: 'closed', graceMs: DEFAULT_GRACE_MS, signal: 'SIGTERM' })
      expect(report.killed.count).toBeGreaterThanOrEqual(1)
      expect(report.killed.names).toContain('sleep')
      await cut
    })

    test('is killed by close() without a grace period, which names it', async ({ corral, scratch }) => {
      const { session, cut } = await stoppedSession(corral, scratch)
      const { length } = members(session.receipt.path)

      const report = await session.close({ graceMs: 0 })

      expect(existsSync(session.receipt.path)).toBe(false)
      expect(report.killed.count).toBe(length)
      expect(report.killed.names).toEqual(expect.arrayContaining(['claude', 'tail', 'sleep']))
      await cut
    })

    test('is gone when the gateway is killed', async ({ pen, scratch }) => {
      const rooms = makeRooms(pen, 'killed')
      const gateway = await startGateway({ kind: 'contained', ...rooms, log: join(scratch, 'stderr.log') })
      const { command, args, env } = agent
      const cut = expectCut(
        gateway.order('begin', { key: KEY, command, args, env, cwd: scratch, prompt: PROMPT }),
      )
      await stopMidway(rooms.root)

      await gateway.crash()

      await goneBut([], rooms)
      await cut
    })
  })

  describe('behind corral run', () => {
    test('is gone with all others once SIGTERM has ended it, as its status says', async ({
      pen,
      scratch,
    }) => {
      const rooms = makeRooms(pen, 'run')
      const run = contained(rooms.root, agent)
      const { command, args } = entering(rooms.house, run.command, run.args)
      const child = spawn(command, args, { cwd: scratch, env: agent.env, stdio: ['pipe', 'pipe', 'ignore'] })
      const exited = once(child, 'exit')
      const cut = expectCut(converse(child, { cwd: scratch, prompt: PROMPT }))
      await stopMidway(rooms.root)

      child.kill('SIGTERM')

      // npm, which is the command, ends itself by the signal that it was asked to end with.
      expect(await exited).toEqual(TERMINATED)
      expect(members(rooms.root)).toEqual([])
      expect(subdirectories(rooms.root)).toEqual([])
      await goneBut([], rooms)
      await cut
    })
  })
})
