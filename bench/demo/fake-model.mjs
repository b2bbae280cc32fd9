// A model server with no model behind it: enough of the Messages API, on 127.0.0.1, that a real agent runs a
// real shell tool offline. A prompt that contains BASH{command} is answered with one call of the agent's Bash
// tool, and the request that brings that tool's result with "done"; anything else with "ok".
import { once } from 'node:events'
import http from 'node:http'

/** Starts the server on a free port. The agent wants `url` as ANTHROPIC_BASE_URL. */
export async function startFakeModel() {
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(request, response) {
  const path = request.url.split('?')[0]
  const body = await readJson(request)
  if (request.method === 'POST' && path.endsWith('/messages/count_tokens')) {
    return sendJson(response, 200, { input_tokens: 10 })
  }
  if (request.method !== 'POST' || !path.endsWith('/messages')) {
    return sendJson(response, 404, { type: 'error', error: { type: 'not_found_error', message: path } })
  }
  const message = reply(body)
  if (body.stream) sendEvents(response, message)
  else sendJson(response, 200, message)
}

async function readJson(request) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text ? JSON.parse(text) : {}
}

let replies = 0

function reply(body) {
  const serial = ++replies
  const command = pendingCommand(body)
  const content =
    command === undefined
      ? { type: 'text', text: findCommand(body) ? 'done' : 'ok' }
      : {
          type: 'tool_use',
          id: `toolu_fake_${serial}`,
          name: 'Bash',
          input: { command, description: 'As asked' },
        }
  return {
    id: `msg_fake_${serial}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [content],
    stop_reason: content.type === 'tool_use' ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  }
}

// The command that the last prompt asks for, unless its result is there already. Agents also ask for a
// session title and the like, with the same prompt but no tools: those get text.
function pendingCommand(body) {
  if (!body.tools?.some((tool) => tool.name === 'Bash')) return undefined
  const asked = findCommand(body)
  const answered = body.messages.findLastIndex((message) => hasToolResult(message))
  return asked && answered <= asked.index ? asked.command : undefined
}

function findCommand(body) {
  const found = (body.messages ?? []).flatMap((message, index) =>
    blocks(message).flatMap((block) => {
      const command =
        message.role === 'user' && block.type === 'text' && /\bBASH\{([\s\S]*?)\}(?!\S)/.exec(block.text)
      return command ? [{ index, command: command[1] }] : []
    }),
  )
  return found.at(-1)
}

function hasToolResult(message) {
  return blocks(message).some((block) => block.type === 'tool_result')
}

function blocks({ content }) {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

function sendJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function sendEvents(response, message) {
  const [block] = message.content
  const send = (type, data) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  send('message_start', { message: { ...message, content: [], stop_reason: null } })
  if (block.type === 'text') {
    send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
    send('content_block_delta', { index: 0, delta: { type: 'text_delta', text: block.text } })
  } else {
    send('content_block_start', { index: 0, content_block: { ...block, input: {} } })
    const partial_json = JSON.stringify(block.input)
    send('content_block_delta', { index: 0, delta: { type: 'input_json_delta', partial_json } })
  }
  send('content_block_stop', { index: 0 })
  send('message_delta', {
    delta: { stop_reason: message.stop_reason, stop_sequence: null },
    usage: { output_tokens: 5 },
  })
  send('message_stop', {})
  response.end()
}
