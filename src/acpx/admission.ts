// How a process that acpx has started learns which session it is to enter: what acpx starts is always the same (admit.ts), as
// acpx takes up a session again only with the same command line; it asks here, by a socket, and is told once acpx has told us
// its pid. An abstract socket: there is nothing to be left behind.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { CommandLine } from '../backend.js'

/** The variable that names the socket. */
export const SOCKET_VARIABLE = 'CORRAL_ACPX'

export const socketPath = (name: string) => `\0${name}`

export class Admission {
  /** What SOCKET_VARIABLE has to be for the processes to find us. */
  readonly name = `corral-acpx-${randomBytes(16).toString('hex')}`
  readonly #server: Server
  readonly #told = new Map<number, CommandLine>()
  readonly #waiting = new Map<number, Socket>()
  readonly #open = new Set<Socket>()

  static async open(): Promise<Admission> {
    const admission = new Admission()
    await once(admission.#server.listen({ path: socketPath(admission.name) }), 'listening')
    admission.#server.unref()
    return admission
  }

  private constructor() {
    this.#server = createServer((socket) => this.#meet(socket))
  }

  #meet(socket: Socket): void {
    this.#open.add(socket)
    socket.unref()
    socket.on('error', () => undefined) // it has ended, or was ended: acpx hears of that
    const lines = createInterface({ input: socket })
    lines.once('line', (line) => {
      const pid = Number(line)
      this.#waiting.set(pid, socket)
      this.#answer(pid)
    })
    socket.once('close', () => {
      lines.close()
      this.#open.delete(socket)
      for (const [pid, other] of this.#waiting) if (other === socket) this.#waiting.delete(pid)
    })
  }

  #answer(pid: number): void {
    const [socket, line] = [this.#waiting.get(pid), this.#told.get(pid)]
    if (!socket || !line) return
    this.#waiting.delete(pid)
    socket.end(`${JSON.stringify(line)}\n`)
  }

  /** Tells this process, now or when it asks, what to become. */
  admit(pid: number, line: CommandLine): void {
    this.#told.set(pid, line)
    this.#answer(pid)
  }

  /** It has ended: another may have its pid. */
  forget(pid: number): void {
    this.#told.delete(pid)
  }

  /** Whoever still waits gives up. */
  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }
}
