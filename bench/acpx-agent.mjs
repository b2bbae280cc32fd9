// An ACP agent that starts a program when it is prompted, for the way `acpx` of escape-ways.mjs: passes on to SOCKET what the
// program prints, says "left" there when it has ended, and answers the prompt when it is told "end".
//
//   node acpx-agent.mjs SOCKET COMMAND [ARG…]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Readable, Writable } from 'node:stream'
import * as acp from '@agentclientprotocol/sdk'

const [path, command, ...args] = process.argv.slice(2)
const { agent } = acp.methods

acp
  .agent({ name: 'acpx-agent' })
  .onRequest(agent.initialize, () => ({ protocolVersion: acp.PROTOCOL_VERSION, agentCapabilities: {} }))
  .onRequest(agent.session.new, () => ({ sessionId: 'program' }))
  .onRequest(agent.session.prompt, async () => {
    const socket = connect(path)
    const program = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    program.stdout.on('data', (text) => socket.write(text))
    program.on('exit', () => socket.write('left\n'))
    await once(createInterface({ input: socket }), 'line')
    return { stopReason: 'end_turn' }
  })
  .connect(acp.ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)))
