// docs/recipes/mcp.mjs: a real server over the SDK's stdio transport, one of whose tools daemonises.
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { connectServer } from '../../../docs/recipes/mcp.mjs'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'
import { DAEMONISING, describeRecipe } from './leaves-nothing.js'

const SERVER = fileURLToPath(new URL('fixtures/mcp-server.mjs', import.meta.url))

describeRecipe(
  'the stdio transport of the MCP SDK',
  1,
  async (corral) => {
    const opened = await connectServer(corral, process.execPath, [SERVER], { session: { key: 'mcp' } })
    const answer = await opened.client.callTool({ name: 'run', arguments: { command: DAEMONISING } })
    expect(answer.content).toEqual([{ type: 'text', text: 'ready\n' }])
    return opened
  },
  ({ client }) => client.close(),
)

test('the MCP recipe leaves no session of a server that is none', async ({ pen }) => {
  const corral = await openInPen(pen)
  await expect(connectServer(corral, 'true', [], { session: { key: 'mcp' } })).rejects.toThrow(
    'Connection closed',
  )
  expect(corral.list()).toEqual([])
})
