// The gateway of fixtures/gateway.mjs as a child process, and the cgroups in which it is watched: one for itself and
// one for what it makes, so that what is left is seen wherever it is.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises' // timer: for elapse()
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { compiled } from '../../support/compile-payload.js'
import { line } from '../../support/line.js'
import { makePen, type Pen } from '../../support/pen.js'

const program = fileURLToPath(new URL('./fixtures/gateway.mjs', import.meta.url))
const payload = fileURLToPath(new URL('./payloads/tree.c', import.meta.url))

/** A session of fixtures/gateway.mjs has as many, and a gateway so many sessions. */
export const PROCESSES = 20 * 4

export interface Pens extends AsyncDisposable {
  /** Of the gateway, and of the guard before it moves in and after it has moved out. */
  gateways: Pen
  root: Pen
}

export async function makePens(): Promise<Pens> {
  const suite = inject('suiteRoot')
  const gateways = await makePen(suite, 'gateways')
  const root = await makePen(suite, 'root')
  return {
    gateways,
    root,
    // The gateways first: one that lives would put another guard into the root
    [Symbol.asyncDispose]: async () => {
      await gateways[Symbol.asyncDispose]()
      await root[Symbol.asyncDispose]()
    },
  }
}

export class Gateway {
  readonly child: ChildProcess
  readonly #phase: string
  readonly #closed: Promise<unknown>
  #out = ''
  #errors = ''

  private constructor(child: ChildProcess, phase: string) {
    this.child = child
    this.#phase = phase
    this.#closed = once(child, 'close')
    child.stdout?.on('data', (text) => {
      this.#out += text
    })
    child.stderr?.on('data', (text) => {
      this.#errors += text
    })
  }

  /** Starts it; resolves at the moment in which it says that the phase begins. */
  static async atPhase(pens: Pens, phase: string): Promise<Gateway> {
    const args = [program, pens.root.path, await compiled(payload), phase]
    const gateway = new Gateway(pens.gateways.spawn(process.execPath, args, { stdio: 'pipe' }), phase)
    await gateway.#begun()
    return gateway
  }

  get instance(): string {
    const instance = this.#said('opened')
    if (instance === undefined) throw new Error(`the gateway has not opened; it said ${this.#out}`)
    return instance
  }

  /** Whether the phase was over before the gateway was. To be asked when it is dead. */
  get wasDone(): boolean {
    return this.#said('done') !== undefined
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.killed()
  }

  /** Resolves when it is reaped, and nobody has its stdout and stderr any more. */
  async killed(): Promise<void> {
    await this.#closed
    if (this.#errors) throw new Error(`the gateway wrote to stderr: ${this.#errors}`)
  }

  async #begun(): Promise<void> {
    if (!this.child.stdout) throw new Error('the gateway has no stdout')
    try {
      await line(this.child.stdout, new RegExp(`^phase ${this.#phase}$`))
    } catch (error) {
      throw new Error(`${(error as Error).message}; on stderr: ${this.#errors}`)
    }
  }

  #said(word: string): string | undefined {
    return new RegExp(`^${word} (.*)$`, 'm').exec(this.#out)?.[1]
  }
}

export const instanceDirectory = ({ root }: Pens, { instance }: Gateway) =>
  join(root.path, 'corral', instance)

// A timer fires at whole milliseconds and late, and some phases last only a few.
const TIMER_SLACK_MS = 2

export async function elapse(ms: number): Promise<void> {
  const due = performance.now() + ms // timer: until a moment that was drawn
  if (ms > TIMER_SLACK_MS) await pause(ms - TIMER_SLACK_MS) // timer: as above
  while (performance.now() < due); // timer: as above
}
