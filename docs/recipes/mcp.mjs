import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

/** A client of an MCP server that is a session: with a `parentKey` it ends with the agent that it is for. */
export async function connectServer(corral, command, args, { session, ...server }) {
  const wrapped = await corral.wrap(command, args, session)
  const client = new Client({ name: 'gateway', version: '1.0.0' })
  const close = async (how) => {
    try {
      await client.close() // end of input, then SIGTERM, then SIGKILL, to the server's first process
    } finally {
      await wrapped.session.close(how)
    }
  }
  try {
    await client.connect(
      new StdioClientTransport({ command: wrapped.command, args: wrapped.args, ...server }),
    )
    return { client, session: wrapped.session, close }
  } catch (error) {
    await close({ reason: 'not-started', graceMs: 0 })
    throw error
  }
}
