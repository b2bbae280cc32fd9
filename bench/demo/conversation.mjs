// The client's side of an ACP conversation, as a gateway has it: initialize, session/new, session/prompt.
import { Readable, Writable } from 'node:stream'
import * as acp from '@agentclientprotocol/sdk'

/**
 * Talks to an agent over its stdin and stdout and leaves the connection open, as a gateway does between
 * turns. Rejects when the agent has not answered one of the requests within `timeoutMs`.
 *
 * @param {{ stdin: Writable | null, stdout: Readable | null }} agent
 * @param {{ cwd: string, prompt?: string, timeoutMs?: number }} options
 */
export async function converse({ stdin, stdout }, { cwd, prompt, timeoutMs = 60_000 }) {
  if (!stdin || !stdout) throw new Error('An agent is talked to over pipes on its stdin and stdout')
  // An agent that is killed while we write to it is an ending, not a crash of the gateway.
  stdin.on('error', () => {})
  const connection = acp
    .client({ name: 'corral-demo' })
    .onRequest(acp.methods.client.session.requestPermission, ({ params }) => ({
      outcome: { outcome: 'selected', optionId: allowing(params.options).optionId },
    }))
    .onNotification(acp.methods.client.session.update, () => {})
    .connect(acp.ndJsonStream(Writable.toWeb(stdin), Readable.toWeb(stdout)))

  const ask = (method, params) => within(timeoutMs, method, connection.agent.request(method, params))
  const { agentInfo } = await ask(acp.methods.agent.initialize, {
    protocolVersion: acp.PROTOCOL_VERSION,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
  })
  const { sessionId } = await ask(acp.methods.agent.session.new, { cwd, mcpServers: [] })
  if (prompt === undefined) return { agentInfo, sessionId }
  const { stopReason } = await ask(acp.methods.agent.session.prompt, {
    sessionId,
    prompt: [{ type: 'text', text: prompt }],
  })
  return { agentInfo, sessionId, stopReason }
}

function allowing(options) {
  return options.find((option) => option.kind === 'allow_once') ?? options[0]
}

async function within(ms, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer to ${what} within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
