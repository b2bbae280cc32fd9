// The gateway's log. It has names and command lines in it, which sessions choose, and may be read in a terminal.
import { printableIn } from './text.js'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
type Level = 'info' | 'warn' | 'error'

/** A logger such as pino, Fastify's or console. Each method gets the data first, as pino's do. */
export interface Logger {
  debug(data: object, message: string): void
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
}

/** A level alone: lines of pino on stderr, which is loaded when that is asked for. */
export async function openLogger(logger: Logger | LogLevel | undefined): Promise<Logger | undefined> {
  if (typeof logger !== 'string') return logger
  const { destination, pino } = await import('pino')
  const made: Logger = pino({ name: 'corral', level: logger }, destination(process.stderr.fd))
  return made
}

export class Log {
  readonly #logger: Logger | undefined
  readonly #bindings: object

  /** Without a logger it is silent. */
  constructor(logger: Logger | undefined, bindings: object = {}) {
    this.#logger = logger
    this.#bindings = bindings
  }

  /** As logger.child(), which not all loggers have. */
  of(bindings: object): Log {
    return new Log(this.#logger, { ...this.#bindings, ...bindings })
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
