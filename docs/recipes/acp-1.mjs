import { spawn } from 'node:child_process'
import { Readable, Writable } from 'node:stream'
import { ClientSideConnection, ndJsonStream, PROTOCOL_VERSION } from 'acp-sdk-1' // @agentclientprotocol/sdk 1.x

/** An ACP agent that is a session. `client` has the methods of the SDK's Client: sessionUpdate, requestPermission, … */
export async function connectAgent(corral, command, args, { session, client, ...options }) {
  const wrapped = await corral.wrap(command, args, session)
  const close = (how) => wrapped.session.close(how)
  try {
    const child = spawn(wrapped.command, wrapped.args, { ...options, stdio: ['pipe', 'pipe', 'ignore'] })
    child.on('error', () => close({ reason: 'not-started', graceMs: 0 }))
    child.stdin.on('error', () => {}) // the connection tells of an agent that has ended
    const stream = ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout))
    const agent = new ClientSideConnection(() => client, stream)
    await agent.initialize({ protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} })
    return { agent, child, session: wrapped.session, close }
  } catch (error) {
    await close({ reason: 'not-started', graceMs: 0 })
    throw error
  }
}
