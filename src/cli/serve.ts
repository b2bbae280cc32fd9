// Serves the page of `corral metrics` over HTTP, at a port or a UNIX socket.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { explained, InvalidArgumentError, systemCodeOf } from '../errors.js'
import { CONTENT_TYPE } from '../metrics/exposition.js'
import { quote } from '../quote.js'
import { printable } from '../text.js'
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
    throw new InvalidArgumentError(`${name}: ${quote(text)} is no address`, {
      hint: 'Give a port, HOST:PORT, [IPv6]:PORT, or the path of a UNIX socket, with a slash in it',
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
  return 'Another program listens there: give another address. A socket that nobody listens at can be removed'
}

async function answer(request: IncomingMessage, response: ServerResponse, page: () => Promise<string>) {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': type }).end(text)
  if (request.url?.split('?')[0] !== PAGE) return say(404, `There is ${PAGE}\n`)
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'GET it\n')
  try {
    return say(200, await page(), CONTENT_TYPE)
  } catch (error) {
    return say(500, `${printable((error as Error).message)}\n`) // the next one may find what this one did not
  }
}

/** Until SIGTERM or SIGINT. @throws KernelError where it cannot listen. */
export async function serve(address: Address, page: () => Promise<string>): Promise<void> {
  const server = createServer((request, response) => void answer(request, response, page))
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  try {
    server.listen(address)
    await once(server, 'listening')
  } catch (error) {
    throw explained(`cannot listen at ${told(address, null)}`, error, hintFor(error))
  }
  print([`serving ${told(address, server.address())}`])
  await ended
  server.close()
  server.closeAllConnections()
}
