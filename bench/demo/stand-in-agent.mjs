// A stand-in for a coding agent: a real ACP agent over stdio whose processes behave as those of
// claude-agent-acp 0.25.3 were seen to, without its size. The adapter (this program) starts one worker in its
// own process group for a session; from then on end-of-file on stdin ends neither, as nothing looks for it
// and the running child keeps the adapter up. A signal ends the adapter at once, and the worker when its pipe
// closes. What a prompt asks for in BASH{command} is run by the worker in a session of its own, and leaves
// what it leaves.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import * as acp from '@agentclientprotocol/sdk'

const WORKER = fileURLToPath(new URL('stand-in-worker.sh', import.meta.url))

const sessions = new Map()
const { agent } = acp.methods

acp
  .agent({ name: 'stand-in-agent' })
  .onRequest(agent.initialize, () => ({
    protocolVersion: acp.PROTOCOL_VERSION,
    agentCapabilities: {},
    agentInfo: { name: 'stand-in-agent', version: '1.0.0' },
  }))
  .onRequest(agent.session.new, ({ params }) => {
    const sessionId = randomUUID()
    sessions.set(sessionId, startWorker(params.cwd))
    return { sessionId }
  })
  .onRequest(agent.session.prompt, async ({ params }) => {
    const text = params.prompt.map((block) => block.text ?? '').join('\n')
    const command = /\bBASH\{([\s\S]*?)\}(?!\S)/.exec(text)?.[1]
    if (command !== undefined) await sessions.get(params.sessionId).run(command)
    return { stopReason: 'end_turn' }
  })
  .connect(acp.ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)))

function startWorker(cwd) {
  const worker = spawn('sh', [WORKER], { cwd, stdio: ['pipe', 'pipe', 'ignore'] })
  const answers = createInterface({ input: worker.stdout })[Symbol.asyncIterator]()
  return {
    async run(command) {
      if (command.includes('\n')) throw new Error('The worker takes commands of one line')
      worker.stdin.write(`${command}\n`)
      const { value, done } = await answers.next()
      if (done || value !== '0') throw new Error(`The command ended with ${done ? 'the worker' : value}`)
    },
  }
}
