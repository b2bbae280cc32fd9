// A gateway that a test tells what to do: the process of gateway.mjs, or the test's own, by the same orders.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { GuardEvent } from '../../src/backend/facts.js'
import {
  type OpenOptions,
  openCorral,
  type Receipt,
  type ResetOptions,
  type SessionOptions,
  type SessionReport,
  type SpawnOptions,
  type StuckProcess,
  type SweepReport,
} from '../../src/index.js'
import { withoutGateway } from './entered-pen.js'
import { eventually } from './eventually.js'
import { killBoth } from './kill-both.js'
import { ordersOf } from './orders.mjs'
import type { Pen } from './pen.js'

const PROGRAM = fileURLToPath(new URL('./gateway.mjs', import.meta.url))

/** What an order was refused with. */
export interface Refusal extends Error {
  code?: string
  path?: string
  systemCode?: string
  processes?: StuckProcess[]
}

export interface Spawned {
  key: string
  pid: number
  receipt: Receipt
  /** The line that was waited for. */
  said?: string
}

export interface Wrapped {
  command: string
  args: string[]
  key: string
  receipt: Receipt
}

export interface Opened {
  id: string
  root?: string
  /** What the library has logged meanwhile. */
  logged: string[]
}

/** `told`: what is logged while it is opened is told. */
export type GatewayOptions = OpenOptions & { told?: boolean }

export interface How {
  /** A command that executes it. */
  by?: readonly string[]
  env?: NodeJS.ProcessEnv
  /** Corral is opened in a worker thread of it. */
  inWorker?: boolean
  /** A copy of it beside another build of the package. */
  program?: string
}

interface Order {
  begun: () => void
  answer: (answer: unknown, error?: Refusal) => void
}

/** An order that has begun. */
export interface Begun {
  answer: Promise<unknown>
  /** Once the gateway is dead: whether it had done it before. */
  readonly isDone: boolean
}

/** Whoever does what it is told: sessions by their keys. */
export abstract class Orders {
  opened: Opened = { id: '', logged: [] }

  abstract ask(order: string, ...words: unknown[]): Promise<unknown>

  get instance(): string {
    return this.opened.id
  }

  async open(options: GatewayOptions): Promise<this> {
    this.opened = (await this.ask('open', options)) as Opened
    return this
  }

  /** One that is persistent, if not told otherwise; resolves once it has printed a line that fits `pattern`, if given. */
  spawn(options: SpawnOptions, pattern?: string): Promise<Spawned> {
    return this.ask('spawn', { mode: 'persistent', ...options }, pattern) as Promise<Spawned>
  }

  wrap([command, ...args]: readonly string[], options: SessionOptions = {}): Promise<Wrapped> {
    return this.ask('wrap', command, args, options) as Promise<Wrapped>
  }

  /** Starts so many that sleep, in terminal sessions of their own and without pipes; all but the first below the key `main`. */
  sleepers(count: number): Promise<Spawned[]> {
    const sleeping = { command: 'setsid', args: ['sleep', '1000'], stdio: 'ignore' }
    const all = Array.from({ length: count }, (_, nth) => ({
      ...sleeping,
      ...(nth > 0 && { parentKey: 'main' }),
    }))
    return this.ask('all', ...all.map((options) => ['spawn', options])) as Promise<Spawned[]>
  }

  close(key: string, options: { graceMs: number }): Promise<SessionReport> {
    return this.ask('close', key, options) as Promise<SessionReport>
  }

  closed(key: string): Promise<SessionReport> {
    return this.ask('closed', key) as Promise<SessionReport>
  }

  reset(key: string, options: ResetOptions): Promise<SessionReport[]> {
    return this.ask('reset', key, options) as Promise<SessionReport[]>
  }

  sweep(options: { dryRun?: boolean } = {}): Promise<SweepReport> {
    return this.ask('sweep', options) as Promise<SweepReport>
  }

  /** Closes its instance; a process then leaves by itself. */
  abstract leave(): Promise<void>
}

/** The process of the test. */
export class OwnProcess extends Orders {
  readonly #orders = ordersOf(openCorral)

  override async open(options: GatewayOptions): Promise<this> {
    onTestFinished(async () => void (await this.ask('end')))
    return super.open(options)
  }

  async ask(order: string, ...words: unknown[]): Promise<unknown> {
    return this.#orders[order]?.(...words)
  }

  async leave(): Promise<void> {
    await this.ask('end')
  }
}

export class Gateway extends Orders {
  readonly child: ChildProcess
  readonly guardEvents: GuardEvent[] = []
  readonly #pen: Pen | undefined
  readonly #orders = new Map<unknown, Order>()
  /** What it has written to stderr. */
  errors = ''
  readonly exited: Promise<unknown>
  /** That it is reaped, and nobody has its stdout and stderr any more. */
  readonly closedOutput: Promise<unknown>
  #last = 0

  private constructor(child: ChildProcess, pen: Pen | undefined) {
    super()
    this.#pen = pen
    this.child = child
    this.exited = once(child, 'exit')
    this.closedOutput = once(child, 'close')
    child.stdin?.on('error', () => undefined) // its end tells
    child.stderr?.on('data', (text) => {
      this.errors += text
      process.stderr.write(text)
    })
    void this.closedOutput.then(() => {
      for (const { answer } of this.#orders.values()) answer(undefined, new Error('the gateway has ended'))
    })
    if (!child.stdout) throw new Error('the gateway has no stdout')
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)))
  }

  /** In the pen, with which it ends, or where the test is, with that. */
  static start(
    pen: Pen | undefined,
    { by = [], env = {}, inWorker = false, program = PROGRAM }: How = {},
  ): Gateway {
    const [command = '', ...words] = [...by, process.execPath, program, ...(inWorker ? ['worker'] : [])]
    const options = {
      stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    }
    const child = pen ? pen.spawn(command, words, options) : spawn(command, words, options)
    if (!pen) onTestFinished(() => void child.kill('SIGKILL'))
    return new Gateway(child, pen)
  }

  /** Starts one that opens an instance. */
  static open(pen: Pen | undefined, options: GatewayOptions, how: How = {}): Promise<Gateway> {
    return Gateway.start(pen, how).open(options)
  }

  ask(order: string, ...words: unknown[]): Promise<unknown> {
    return this.#give(() => undefined, order, words)
  }

  /** Resolves at the moment in which it begins. */
  begin(order: string, ...words: unknown[]): Promise<Begun> {
    return new Promise((resolve, reject) => {
      let isDone = false
      const answer = this.#give(() => resolve(begun), order, words)
      const begun = {
        answer,
        get isDone() {
          return isDone
        },
      }
      answer.then(() => {
        isDone = true
      }, reject) // unless it has begun
    })
  }

  /** The pids of processes of that name in the pen. */
  async named(name: string): Promise<number[]> {
    const pids = (await this.#pen?.members()) ?? []
    const names = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined)),
    )
    return pids.filter((_, at) => names[at] === `${name}\n`)
  }

  /** The pid of its keeper: there is one. */
  async keeper(): Promise<number> {
    return eventually('there is a keeper', async () => {
      const [keeper, ...others] = await this.named('corral-keeper')
      return others.length === 0 && keeper
    })
  }

  /** Those in the pen that are not the gateway, its keeper or its holders. */
  async held(): Promise<number[]> {
    return withoutGateway((await this.#pen?.members()) ?? [], this.child.pid)
  }

  /** Kills it by SIGKILL; resolves when it is reaped. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** Together with its guard: what they leave is left to the next sweep. */
  async killWithGuard(root: string): Promise<void> {
    await killBoth(this.child, root, this.instance)
  }

  async leave(): Promise<void> {
    await this.ask('end')
    this.child.stdin?.end()
    await this.exited
  }

  #give(begun: () => void, order: string, words: unknown[]): Promise<unknown> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#orders.set(id, { begun, answer: (answer, error) => (error ? reject(error) : resolve(answer)) })
      this.child.stdin?.write(`${JSON.stringify([id, order, ...words])}\n`)
    })
  }

  #hear([id, answer, error]: [unknown, unknown, Refusal | undefined]): void {
    if (id === 'guard') this.guardEvents.push(answer as GuardEvent)
    else if (id === 'begun') this.#orders.get(answer)?.begun()
    else {
      this.#orders.get(id)?.answer(answer, error && Object.assign(new Error(error.message), error))
      this.#orders.delete(id)
    }
  }
}
