// The real acpx program with real agents behind corral run, as corral setup configures it, offline.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { claudeAgent } from '../../../bench/demo/agents.mjs'
import { codexAgent, geminiAgent } from '../agents/agents.mjs'
import { describeWrappedEndings } from './wrapped-endings.js'

const directory = mkdtempSync(join(tmpdir(), 'corral-acpx-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('claude-agent-acp behind acpx', () => {
  describeWrappedEndings(() => claudeAgent(directory))
})

describe('codex-acp behind acpx', () => {
  describeWrappedEndings(() => codexAgent(directory))
})

describe('gemini-cli behind acpx', () => {
  describeWrappedEndings(() => geminiAgent(directory))
})
