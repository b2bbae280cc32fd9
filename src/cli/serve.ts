// Serves the page of `corral metrics` over HTTP, at a port or a UNIX socket.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { explained, InvalidArgumentError, systemCodeOf } from '../common/errors.js'
import { quote } from '../common/quote.js'
import { printable } from '../common/text.js'
import { CONTENT_TYPE } from '../metrics/exposition.js'
import { answersTo, assertAllowable, isLoopback, type Listener, namesOf } from './allowed-hosts.js'
import { print } from './output.js'

const PAGE = '/metrics'
const LOOPBACK = '127.0.0.1'

export type Address = { path: string } | { host: string; port: number }

/** `[HOST:]PORT`, or a path, which has a slash. @throws InvalidArgumentError */
export function parseAddress(name: string, text: string): Address {
  if (text.includes('/')) return { path: text }
  const [, bracketed, plain, digits] = /^(?:(?:\[([^[\]\s]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits ?? Number.NaN)
  if (!(port <= 65535))
    throw new InvalidArgumentError(`Invalid ${name}: expected an address, got ${quote(text)}`, {
      hint: 'Use a port, HOST:PORT, [IPv6]:PORT, or the path of a UNIX socket, with a slash in it',
    })
  return { host: bracketed ?? plain ?? LOOPBACK, port }
}

function told(address: Address, bound: AddressInfo | string | null): string {
  if ('path' in address) return `unix:${address.path}`
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  const port = typeof bound === 'object' ? (bound?.port ?? address.port) : address.port
  return `http://${host}:${port}${PAGE}`
}

function hintFor(error: unknown): string | undefined {
  if (systemCodeOf(error) !== 'EADDRINUSE') return undefined
  return 'Choose another address: another program listens there. Remove a socket at which no program listens'
}

/** What to say to who asks by a name that is none of ours. */
function misdirected(host: string | undefined, listener: Listener): string {
  const asked =
    host === undefined ? 'The request has no Host header' : `Unknown host ${quote(printable(host))}`
  const names = namesOf(listener).join(', ')
  return `${asked}: ask by ${names}${isLoopback(listener.address) ? '' : ', or start it with --allow-host NAME'}\n`
}

/** The listener is undefined for a UNIX socket, which no name leads to. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  page: () => Promise<string>,
  listener: Listener | undefined,
) {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': type }).end(text)
  const { host } = request.headers
  if (listener && !answersTo(host, listener)) return say(421, misdirected(host, listener))
  if (request.url?.split('?')[0] !== PAGE) return say(404, `Not found: the metrics are at ${PAGE}\n`)
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'GET it\n')
  try {
    return say(200, await page(), CONTENT_TYPE)
  } catch (error) {
    return say(500, `${printable((error as Error).message)}\n`) // the next one may find what this one did not
  }
}

/** Until SIGTERM or SIGINT. @throws KernelError where it cannot listen. */
export async function serve(
  address: Address,
  page: () => Promise<string>,
  allowed: readonly string[],
): Promise<void> {
  const { createServer } = await import('node:http') // no other command waits for it
  const server = createServer()
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  try {
    server.listen(address)
    await once(server, 'listening')
  } catch (error) {
    throw explained(`cannot listen at ${told(address, null)}`, error, hintFor(error))
  }
  const bound = server.address()
  const listener =
    'host' in address && typeof bound === 'object' && bound !== null
      ? { address: bound.address, host: address.host, allowed }
      : undefined
  try {
    if (listener) assertAllowable(listener)
  } catch (error) {
    server.close()
    throw error
  }
  server.on('request', (request, response) => void answer(request, response, page, listener))
  print([`serving ${told(address, bound)}`])
  await ended
  server.close()
  server.closeAllConnections()
}
