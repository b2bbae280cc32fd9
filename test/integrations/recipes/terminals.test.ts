// docs/recipes/terminals.mjs: what an agent has its client run is in the agent's session, though it is the client's child.
import { fileURLToPath } from 'node:url'
import { client } from '@agentclientprotocol/sdk'
import { expect } from 'vitest'
import { connectAgent } from '../../../docs/recipes/acp-2.mjs'
import { giveTerminals } from '../../../docs/recipes/terminals.mjs'
import type { Session } from '../../../src/index.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'
import { DAEMON_COUNT, DAEMONISING } from './leaves-nothing.js'

const AGENT = fileURLToPath(new URL('fixtures/terminal-agent.mjs', import.meta.url))

test('a terminal belongs to the session of the agent that asked for it', async ({ pen }) => {
  const corral = await openInPen(pen)
  const app = client({ name: 'gateway' })
  const wrap = async (...words: Parameters<typeof corral.wrap>) => {
    const wrapped = await corral.wrap(...words)
    giveTerminals(app, wrapped.session as unknown as Session)
    return wrapped
  }
  const session = { key: 'agent', mode: 'persistent' }
  const opened = await connectAgent({ wrap }, process.execPath, [AGENT], { app, session })
  const { sessionId } = await opened.agent.request('session/new', { cwd: process.cwd(), mcpServers: [] })
  const ask = (text: string) =>
    opened.agent.request('session/prompt', { sessionId, prompt: [{ type: 'text', text }] })

  expect(await ask(`${DAEMONISING}; exit 3`)).toMatchObject({
    _meta: {
      exit: { exitCode: 3, signal: null },
      output: 'ready\n',
      truncated: false,
      exitStatus: { exitCode: 3 },
    },
  })
  expect(opened.session.members()).toHaveLength(1 + DAEMON_COUNT)
  // The end of the output, from a whole character on
  expect(await ask('printf "0123ä567"; exec sh -c "kill -TERM \\$\\$"')).toMatchObject({
    _meta: { exit: { exitCode: null, signal: 'SIGTERM' }, output: '123ä567', truncated: true },
  })

  expect(await opened.close({ graceMs: 0 })).toMatchObject({ killed: { count: 1 + DAEMON_COUNT } })
  expect(await pen.members()).toEqual([])
  await expect(ask('true')).rejects.toThrow()
})
