// The gateway of fixtures/gateway.mjs as a child process in a pen of its own, beside the pen that is the root of its
// sessions: both are looked at, so that what is left is seen wherever it is.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import type { SpawnOptions } from '../../../src/index.js'
import { withoutWardens } from '../../support/entered-pen.js'
import { eventually, SLOWNESS } from '../../support/eventually.js'
import { killBoth } from '../../support/kill-both.js'
import { line } from '../../support/line.js'
import { describeAll, makePen, type Pen } from '../../support/pen.js'
import type { Holder } from './holders.js'

// Two programs are hidden by then, of a gigabyte or of five thousand processes each
const WITHIN_MS = 60_000
const KILL_TIMEOUT_MS = 60_000 * SLOWNESS

const program = fileURLToPath(new URL('./fixtures/gateway.mjs', import.meta.url))

export interface Pens extends AsyncDisposable {
  gateways: Pen
  root: Pen
}

export async function makePens(): Promise<Pens> {
  const gateways = await makePen(inject('suiteRoot'), 'gateways')
  const root = await makePen(inject('suiteRoot'), 'root')
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

export type Session = SpawnOptions & { key: string }

export interface Plan {
  holder: Holder
  sessions?: Session[]
  /** Keys of sessions that do not hide. */
  quiet?: string[]
  sweep?: boolean
}

type Order = 'wait' | 'leave' | 'close' | 'reset' | 'sweep' | 'end'

export class Gateway {
  readonly #child: ChildProcess
  readonly #pens: Pens
  #out = ''

  private constructor(child: ChildProcess, pens: Pens) {
    this.#child = child
    this.#pens = pens
    child.stdout?.on('data', (text) => {
      this.#out += text
    })
  }

  /** Resolves when all its sessions have said that they hide, or cannot. */
  static async open(pens: Pens, { holder, sessions = [], quiet = [], sweep = true }: Plan): Promise<Gateway> {
    const open = { root: pens.root.path, sweep, killTimeoutMs: KILL_TIMEOUT_MS, ...holder.open }
    const child = pens.gateways.spawn(
      process.execPath,
      [program, JSON.stringify({ open, sessions, quiet })],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, ...holder.env },
      },
    )
    const gateway = new Gateway(child, pens)
    await gateway.#said(/^ready$/)
    return gateway
  }

  get instance(): string {
    return /^open (.*)$/m.exec(this.#out)?.[1] ?? ''
  }

  /** Why what it was to start cannot be here. */
  get obstacle(): string | undefined {
    return /^cannot .*$/m.exec(this.#out)?.[0]
  }

  /** The groups of the sessions that have said that all of them is hidden, by key. */
  get hidden(): Map<string, string> {
    return new Map(
      [...this.#out.matchAll(/^hidden (\S+) (.*)$/gm)].map(([, key = '', group = '']) => [key, group]),
    )
  }

  /** Has it carry out an order; resolves with what came of it. */
  async order(order: Order, options: object = {}): Promise<unknown[]> {
    const before = this.#out.length
    this.#child.stdin?.write(`${JSON.stringify([order, options])}\n`)
    const done = await this.#said(/^done /, before)
    return JSON.parse(done.slice('done '.length))
  }

  /** Has it give up its instance, and waits for its end. */
  async end(): Promise<void> {
    const exited = once(this.#child, 'exit')
    await this.order('end')
    await exited
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  /** Together with its guard. */
  async killBoth(): Promise<void> {
    await killBoth(this.#child, this.#pens.root.path, this.instance)
  }

  async #said(pattern: RegExp, from = 0): Promise<string> {
    const { stdout } = this.#child
    if (!stdout) throw new Error('the gateway has no stdout')
    const already = () =>
      this.#out
        .slice(from)
        .split('\n')
        .slice(0, -1)
        .find((text) => pattern.test(text))
    return already() ?? line(stdout, pattern, WITHIN_MS)
  }
}

/** Resolves when nobody lives in the pens but `others`, as a number; rejects with those who do. */
export async function onlyOthersLeft({ gateways, root }: Pens, others: number): Promise<void> {
  const living = async () => withoutWardens([...(await gateways.members()), ...(await root.members())])
  await eventually(`only ${others} processes are left`, async () => (await living()).length === others, {
    withinMs: 0,
    instead: async () => describeAll(await living()),
  })
}

/** Resolves when there is no process, guards included, and no group of the holder's below the pens; rejects with what there is. */
export async function nothingLeft({ pens: { gateways, root } }: { pens: Pens }): Promise<void> {
  const left = async () => ({
    processes: [...(await gateways.everybody()), ...(await root.everybody())],
    groups: [...(await gateways.groups()), ...(await root.groups())],
  })
  const bare = async () => {
    const { processes, groups } = await left()
    return processes.length === 0 && groups.length === 0
  }
  await eventually('no process and no directory is left', bare, {
    instead: async () => {
      const { processes, groups } = await left()
      return { processes: await describeAll(processes), groups }
    },
  })
}
