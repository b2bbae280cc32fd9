// Programs that embed acpx, with real agents, offline.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { claudeAgent } from '../../../bench/demo/agents.mjs'
import { codexAgent, geminiAgent } from '../agents/agents.mjs'
import { describeEmbeddedEndings } from './embedded-endings.js'

const directory = mkdtempSync(join(tmpdir(), 'corral-acpx-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('claude-agent-acp in acpx', () => {
  describeEmbeddedEndings(() => claudeAgent(directory))
})

describe('codex-acp in acpx', () => {
  describeEmbeddedEndings(() => codexAgent(directory))
})

describe('gemini-cli in acpx', () => {
  describeEmbeddedEndings(() => geminiAgent(directory))
})
