// The three endings with the real claude-agent-acp and claude under npx, offline, against a fake model.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { claudeAgent } from '../../bench/demo/agents.mjs'
import { describeEndings } from './endings.js'

describe('claude-agent-acp', () => {
  const directory = mkdtempSync(join(tmpdir(), 'corral-claude-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  describeEndings(() => claudeAgent(directory))
})
