// What must hold of any ACP agent's sessions, however it daemonises: run with the stand-in and with the real
// one.
import { existsSync } from 'node:fs'
import type { Corral, Session } from 'corral'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Agent } from '../../bench/demo/agents.mjs'
import { converse } from '../../bench/demo/conversation.mjs'
import { LEAVING_PROMPT, LEFTOVERS_PER_PROMPT } from '../../bench/demo/leftovers.mjs'
import { openGateway as openOrdinaryGateway } from '../../bench/demo/ordinary.mjs'
import { entering, members } from '../../bench/demo/pen.mjs'
import { test } from './penned.js'

const PARENT = 'agent:main:main'

export function describeEndings(prepare: () => Promise<Agent>) {
  let agent: Agent

  beforeAll(async () => {
    agent = await prepare()
  })
  afterAll(() => agent?.end())

  /** A session whose agent went through initialize, session/new and a prompt that left processes. */
  async function prompted(corral: Corral, cwd: string, keys: { key: string; parentKey?: string }) {
    const { command, args, env } = agent
    const stdio = ['pipe', 'pipe', 'ignore'] as const
    const session = await corral.spawn({ ...keys, command, args, env, cwd, stdio: [...stdio] })
    const { stopReason } = await converse(session.process, { cwd, prompt: LEAVING_PROMPT })
    expect(stopReason).toBe('end_turn')
    expectUp(session)
    return session
  }

  function expectUp(session: Session) {
    const whole = agent.processes + LEFTOVERS_PER_PROMPT
    expect(members(session.receipt.path).length).toBeGreaterThanOrEqual(whole)
  }

  function expectGone(session: Session) {
    expect(members(session.receipt.path)).toEqual([])
    expect(existsSync(session.receipt.path)).toBe(false)
  }

  describe('contained', () => {
    test('close() leaves no process and no directory of a oneshot session', async ({ corral, scratch }) => {
      const session = await prompted(corral, scratch, { key: 'oneshot' })

      const report = await session.close({ reason: 'oneshot-complete' })

      expectGone(session)
      expect(report).toMatchObject({ key: 'oneshot', mode: 'oneshot', reason: 'oneshot-complete' })
      // One of the leftovers is deaf to SIGTERM; nothing but a kill ends it.
      expect(report.killed.count).toBeGreaterThanOrEqual(1)
      expect(report.killed.names).toContain('sleep')
      expect(corral.get('oneshot')).toBeUndefined()
    })

    test('the end of the leader ends all that it left', async ({ corral, scratch }) => {
      const session = await prompted(corral, scratch, { key: 'killed' })

      session.process.kill('SIGKILL')
      const report = await session.closed

      expectGone(session)
      expect(report.signal).toBe('SIGKILL')
      expect(report.killed.count).toBeGreaterThanOrEqual(LEFTOVERS_PER_PROMPT)
    })

    test('a parent reset ends the family at any depth and nothing else', async ({ corral, scratch }) => {
      const [child, stranger] = await Promise.all([
        prompted(corral, scratch, { key: 'child', parentKey: PARENT }),
        prompted(corral, scratch, { key: 'stranger', parentKey: 'agent:other:main' }),
      ])
      const grandchild = await prompted(corral, scratch, { key: 'grandchild', parentKey: 'child' })

      const reports = await corral.resetParent(PARENT)

      expect(reports.map(({ key }) => key).sort()).toEqual(['child', 'grandchild'])
      expectGone(child)
      expectGone(grandchild)
      expectUp(stranger)
      await stranger.close({ graceMs: 0 })
      expectGone(stranger)
    })
  })

  describe('not contained', () => {
    test('sessions closed as hosts do leave the agent and its leftovers', async ({ pen, scratch }) => {
      const room = pen.room('ordinary')
      const gateway = await openOrdinaryGateway()
      const keys = ['one', 'two']
      await Promise.all(
        keys.map(async (key) => {
          const { command, args } = entering(room, agent.command, agent.args)
          const { env } = agent
          const stderr = 'ignore'
          const child = await gateway.start({
            key,
            parentKey: PARENT,
            command,
            args,
            cwd: scratch,
            env,
            stderr,
          })
          await converse(child, { cwd: scratch, prompt: LEAVING_PROMPT })
        }),
      )

      await gateway.close('one')
      await gateway.resetParent(PARENT)

      // SIGTERM ended the leader; the agent under it is up all the same, and so is what the prompts left.
      const perSession = 2 + LEFTOVERS_PER_PROMPT
      expect(members(room).length).toBeGreaterThanOrEqual(keys.length * perSession)
    })
  })
}
