// `corral run` with the real claude-agent-acp and claude under npx, offline, against a fake model.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { claudeAgent } from '../../bench/demo/agents.mjs'
import { describeRunEndings } from './run-endings.js'

describe('claude-agent-acp behind corral run', () => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-claude-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  describeRunEndings(() => claudeAgent(directory))
})
