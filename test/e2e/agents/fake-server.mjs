// A server on 127.0.0.1 that answers POST requests as it is told, in JSON or as server-sent events: what the fake models of
// the agents have in common. No model is behind them: a prompt with BASH{command} gets one call of the agent's shell tool.
import { once } from 'node:events'
import http from 'node:http'

/** `answer` takes path and body, and gives `{ json }` or `{ events }`; undefined is a 404. */
export async function startFakeServer(answer) {
  const server = http.createServer((request, response) => {
    respond(request, response, answer).catch((error) => response.destroy(error))
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

async function respond(request, response, answer) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  const given =
    request.method === 'POST' ? answer(request.url.split('?')[0], JSON.parse(text || '{}')) : undefined
  if (given?.events) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of given.events) {
      if (event.type !== undefined) response.write(`event: ${event.type}\n`)
      response.write(`data: ${JSON.stringify(event)}\n\n`)
    }
    response.end()
  } else {
    response.writeHead(given ? 200 : 404, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(given?.json ?? { error: { message: 'there is no such thing here', code: 404 } }),
    )
  }
}

/** The command that a text asks for. */
export function askedFor(text) {
  return /\bBASH\{([\s\S]*?)\}(?!\S)/.exec(text ?? '')?.[1]
}
