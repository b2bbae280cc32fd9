import { spawn } from 'node:child_process'
import { Readable, Writable } from 'node:stream'
import { ndJsonStream, PROTOCOL_VERSION } from '@agentclientprotocol/sdk' // 2.x

/** An ACP agent that is a session. `app` is the SDK's client() with its handlers. */
export async function connectAgent(corral, command, args, { session, app, ...options }) {
  const wrapped = await corral.wrap(command, args, session)
  const close = (how) => wrapped.session.close(how)
  try {
    const child = spawn(wrapped.command, wrapped.args, { ...options, stdio: ['pipe', 'pipe', 'ignore'] })
    child.on('error', () => close({ reason: 'not-started', graceMs: 0 }))
    child.stdin.on('error', () => {}) // the connection tells of an agent that has ended
    const { agent } = app.connect(ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout)))
    await agent.request('initialize', { protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} })
    return { agent, child, session: wrapped.session, close }
  } catch (error) {
    await close({ reason: 'not-started', graceMs: 0 })
    throw error
  }
}
