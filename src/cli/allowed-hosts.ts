// By which names a server may be asked. A page in a browser can have its own name resolve to 127.0.0.1 (DNS rebinding) and read what
// is answered there as its own; the Host header still says the name.
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { InvalidArgumentError } from '../common/errors.js'
import { quote } from '../common/quote.js'

/** A name as `--allow-host` takes it. @throws InvalidArgumentError */
export function parseHostName(option: string, text: string): string {
  if (/^[^\s:/[\]@?#]+$/.test(text) || (text.startsWith('[') && isIP(text.slice(1, -1)) === 6))
    return plain(text)
  throw new InvalidArgumentError(`Invalid ${option}: expected the name of a host, got ${quote(text)}`, {
    hint: 'Write the name alone, such as metrics.example.org, without a scheme and a port',
  })
}

/** Names are the same in capitals, and with the dot of the root. */
const plain = (name: string) => name.toLowerCase().replace(/\.$/, '')

const isAddress = (name: string) =>
  isIP(name) === 4 || (name.startsWith('[') && isIP(name.slice(1, -1)) === 6)

export const isLoopback = (address: string) => address === '::1' || /^(?:::ffff:)?127\./.test(address)

export interface Listener {
  /** As the server is bound. */
  address: string
  /** As it was asked for. */
  host: string
  /** By `--allow-host`. */
  allowed: readonly string[]
}

// Every other name leads here only where DNS, or who speaks for it, says so
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/** The names for which a server answers; elsewhere than on loopback, that which it was given for listening is one of them. */
export function namesOf({ address, host, allowed }: Listener): string[] {
  if (isLoopback(address)) return LOOPBACK_NAMES
  const own = isIP(host) === 6 ? `[${host}]` : plain(host)
  return [...new Set(['localhost', plain(hostname()), own, ...allowed])]
}

/** @throws InvalidArgumentError where `--allow-host` was given for a listener that it does nothing for. */
export function assertAllowable({ address, allowed }: Listener): void {
  if (allowed.length === 0 || !isLoopback(address)) return
  throw new InvalidArgumentError(
    `--allow-host cannot be used on loopback (${address}), where only ${LOOPBACK_NAMES.join(', ')} are answered`,
    { hint: 'Have a reverse proxy on this machine send one of these as Host, or listen on another address' },
  )
}

/** Whether it answers to this Host header. Where others than this machine reach it, addresses will do: no DNS is in them. */
export function answersTo(header: string | undefined, listener: Listener): boolean {
  const name = plain(/^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header ?? '')?.[1] ?? '')
  if (name === '') return false
  return namesOf(listener).includes(name) || (!isLoopback(listener.address) && isAddress(name))
}
