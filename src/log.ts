// What goes to the gateway's log: sessions have a say in it, by their names and command lines, and somebody reads it in a terminal.
import { printableIn } from './text.js'

type Level = 'info' | 'warn' | 'error'

/** What takes the log: pino, Fastify's, console. Each is called as pino is, with the data first. */
export interface Logger {
  debug(data: object, message: string): void
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
}

export class Log {
  readonly #logger: Logger | undefined
  readonly #bindings: object

  /** Without a logger it is silent. */
  constructor(logger: Logger | undefined, bindings: object = {}) {
    this.#logger = logger
    this.#bindings = bindings
  }

  info(message: string, data: object = {}): void {
    this.#write('info', message, data)
  }

  warn(message: string, data: object = {}): void {
    this.#write('warn', message, data)
  }

  error(message: string, data: object = {}): void {
    this.#write('error', message, data)
  }

  #write(level: Level, message: string, data: object): void {
    this.#logger?.[level](printableIn({ ...this.#bindings, ...data }) as object, message)
  }
}
