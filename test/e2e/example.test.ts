// docs/example.mjs does what it prints: with the stand-in and with the real agent no process and no directory
// is left.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { type Agent, claudeAgent, standInAgent } from '../../bench/demo/agents.mjs'
import { eventually, SLOWNESS } from '../support/eventually.js'
import { test } from './penned.js'

const EXAMPLE = fileURLToPath(new URL('../../docs/example.mjs', import.meta.url))

// The example chooses its own root, so the pen does not see its agent: a mark in the environment does.
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
    } catch (error) {
      // Gone, or a kernel thread, or on its way out.
      if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
      throw error
    }
  })
}

const WITHIN_MS = 90_000

async function mostMarked(mark: string, child: ChildProcess): Promise<number> {
  let most = 0
  const isOver = () => {
    most = Math.max(most, marked(mark).length)
    return child.exitCode !== null || child.signalCode !== null
  }
  await eventually('the example is over', isOver, { withinMs: WITHIN_MS, everyMs: 50 })
  return most
}

describe('docs/example.mjs', () => {
  test.for<[string, (directory: string) => Promise<Agent>]>([
    ['the stand-in agent', standInAgent],
    ['claude-agent-acp', claudeAgent],
  ])('leaves nothing of %s', { timeout: 400_000 * SLOWNESS }, async ([, prepare], { scratch }) => {
    const agent = await prepare(scratch)
    try {
      const mark = randomUUID()
      const child = spawn(process.execPath, [EXAMPLE, agent.command, ...agent.args], {
        cwd: scratch,
        env: { ...agent.env, CORRAL_E2E_MARK: mark },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: WITHIN_MS * SLOWNESS,
      })
      const seen = mostMarked(mark, child)
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ])

      expect(code, stderr).toBe(0)
      // The mark works: it found the example and the agent. (All but the last, which the agent starts in
      // session/new and which may be too short-lived to be seen.)
      expect(await seen).toBeGreaterThanOrEqual(1 + agent.processes - 1)
      const group = /opened \S+ in (\/.*)$/m.exec(stdout)?.[1] ?? ''
      expect(group).toMatch(/\/corral\/[^/]+\//)
      expect(stdout).toContain('the group is gone')
      expect(existsSync(group)).toBe(false)
      expect(existsSync(group.replace(/(\/corral\/[^/]+)\/.*$/, '$1'))).toBe(false)
      expect(marked(mark)).toEqual([])
    } finally {
      await agent.end()
    }
  })
})
