// docs/recipes/acp-1.mjs and acp-2.mjs: a real ACP agent, the demo's, whose tool call daemonises.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { client } from '@agentclientprotocol/sdk'
import { expect } from 'vitest'
import { prompting } from '../../../bench/demo/leftovers.mjs'
import { connectAgent as connectAgent1 } from '../../../docs/recipes/acp-1.mjs'
import { connectAgent as connectAgent2 } from '../../../docs/recipes/acp-2.mjs'
import { type Contained, DAEMONISING, describeRecipe } from './leaves-nothing.js'

const AGENT = fileURLToPath(new URL('../../../bench/demo/stand-in-agent.mjs', import.meta.url))
// The agent's own process and its worker
const PROCESSES = 2
const prompt = [{ type: 'text' as const, text: prompting(DAEMONISING) }]
const cwd = process.cwd()

async function end({ child }: { child: ChildProcess }) {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

describeRecipe(
  'the ACP SDK 1.x',
  PROCESSES,
  async (corral: Contained) => {
    const handlers = { sessionUpdate: () => undefined, requestPermission: () => undefined }
    const opened = await connectAgent1(corral, process.execPath, [AGENT], {
      session: { key: 'acp' },
      client: handlers,
    })
    const { sessionId } = await opened.agent.newSession({ cwd, mcpServers: [] })
    expect(await opened.agent.prompt({ sessionId, prompt })).toMatchObject({ stopReason: 'end_turn' })
    return opened
  },
  end,
)

describeRecipe(
  'the ACP SDK 2.x',
  PROCESSES,
  async (corral: Contained) => {
    const app = client({ name: 'gateway' })
    const opened = await connectAgent2(corral, process.execPath, [AGENT], { session: { key: 'acp' }, app })
    const { sessionId } = await opened.agent.request('session/new', { cwd, mcpServers: [] })
    expect(await opened.agent.request('session/prompt', { sessionId, prompt })).toMatchObject({
      stopReason: 'end_turn',
    })
    return opened
  },
  end,
)
