// A contained ACP session from start to end: node docs/example.mjs COMMAND [ARGUMENT...]
import { existsSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import * as acp from '@agentclientprotocol/sdk'
import { openCorral } from 'corral'

const [command, ...args] = process.argv.slice(2)
const stdio = ['pipe', 'pipe', 'inherit']
const corral = await openCorral()
try {
  // The signal closes the session, and with it the connection, should the agent not answer within a minute.
  const signal = AbortSignal.timeout(60_000)
  const session = await corral.spawn({ key: 'example', command, args, stdio, signal })
  const { stdin, stdout } = session.process
  const stream = acp.ndJsonStream(Writable.toWeb(stdin), Readable.toWeb(stdout))
  const { agent } = acp.client({ name: 'corral-example' }).connect(stream)

  const client = { protocolVersion: acp.PROTOCOL_VERSION, clientCapabilities: {} }
  const { agentInfo } = await agent.request('initialize', client)
  const { sessionId } = await agent.request('session/new', { cwd: process.cwd(), mcpServers: [] })
  console.log(`${agentInfo?.name ?? command} opened ${sessionId} in ${session.receipt.path}`)

  const { reason, killed } = await session.close({ reason: 'example-over' })
  const fate = existsSync(session.receipt.path) ? 'still there' : 'gone'
  console.log(`${reason}: ${killed.count} processes had to be killed, the group is ${fate}`)
} finally {
  await corral.close()
}
