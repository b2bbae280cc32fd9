// What goes to the gateway's log: sessions have a say in it, by their names and command lines, and somebody reads it in a terminal.
import type { Logger } from 'pino'
import { printableIn } from './text.js'

type Level = 'info' | 'warn' | 'error'

export class Log {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** As logger.child(). */
  of(bindings: object): Log {
    return new Log(this.#logger.child(printableIn(bindings) as object))
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
    this.#logger[level](printableIn(data), message)
  }
}
