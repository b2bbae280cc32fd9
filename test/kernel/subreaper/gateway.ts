// The gateway of fixtures/gateway.mjs in a pen, which has all that comes of it: the kernel's count, not the library's.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { GuardEvent } from '../../../src/backend.js'
import type { OpenOptions, Receipt, SessionReport, SpawnOptions, StuckProcess } from '../../../src/index.js'
import { withoutGateway } from '../../support/entered-pen.js'
import { eventually } from '../../support/eventually.js'
import { describeAll, type Pen } from '../../support/pen.js'

const program = fileURLToPath(new URL('./fixtures/gateway.mjs', import.meta.url))

export interface Refusal extends Error {
  code?: string
  processes?: StuckProcess[]
}

interface Spawned {
  key: string
  pid: number
  receipt: Receipt
}

type Answer = (answer: unknown, error?: Refusal) => void

export class Gateway {
  readonly child: ChildProcess
  readonly guardEvents: GuardEvent[] = []
  readonly #pen: Pen
  readonly #answers = new Map<unknown, Answer>()
  readonly #ended: Promise<unknown>
  #last = 0

  private constructor(pen: Pen, child: ChildProcess) {
    this.#pen = pen
    this.child = child
    this.#ended = once(child, 'exit')
    void this.#ended.then(() => {
      for (const answer of this.#answers.values()) answer(undefined, new Error('the gateway has ended'))
    })
    if (!child.stdout) throw new Error('the gateway has no stdout')
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)))
  }

  /** `by`: a command that executes it. */
  static async start(
    pen: Pen,
    options: OpenOptions = {},
    env: NodeJS.ProcessEnv = {},
    by: string[] = [],
  ): Promise<Gateway> {
    const [command = '', ...words] = [...by, process.execPath, program, JSON.stringify(options)]
    const child = pen.spawn(command, words, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    const gateway = new Gateway(pen, child)
    onTestFinished(() => void child.kill('SIGKILL'))
    await new Promise((resolve, reject) => {
      gateway.#answers.set('ready', (answer, error) => (error ? reject(error) : resolve(answer)))
    })
    return gateway
  }

  spawn(options: SpawnOptions, until?: string): Promise<Spawned> {
    return this.ask('spawn', { mode: 'persistent', ...options }, until) as Promise<Spawned>
  }

  close(key: string, options: { graceMs: number }): Promise<SessionReport> {
    return this.ask('close', key, options) as Promise<SessionReport>
  }

  closed(key: string): Promise<SessionReport> {
    return this.ask('closed', key) as Promise<SessionReport>
  }

  ask(what: string, ...words: unknown[]): Promise<unknown> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#answers.set(id, (answer, error) => (error ? reject(error) : resolve(answer)))
      this.child.stdin?.write(`${JSON.stringify([id, what, ...words])}\n`)
    })
  }

  /** The pids of processes of that name in the pen. */
  async named(name: string): Promise<number[]> {
    const pids = await this.#pen.members()
    const names = await Promise.all(pids.map(nameOf))
    return pids.filter((_, at) => names[at] === name)
  }

  /** The pid of its keeper: there is one. */
  async keeper(): Promise<number> {
    return eventually('there is a keeper', async () => {
      const [keeper, ...others] = await this.named('corral-keeper')
      return others.length === 0 && keeper
    })
  }

  /** Those that are not the gateway, its keeper or its holders. */
  async held(): Promise<number[]> {
    return withoutGateway(await this.#pen.members(), this.child.pid)
  }

  /** Kills it by SIGKILL; resolves when it is reaped. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#ended
  }

  #hear([id, answer, error]: [unknown, unknown, Refusal | undefined]): void {
    if (id === 'guard') this.guardEvents.push(answer as GuardEvent)
    this.#answers.get(id)?.(answer, error && Object.assign(new Error(error.message), error))
    this.#answers.delete(id)
  }
}

const nameOf = (pid: number) =>
  readFile(`/proc/${pid}/comm`, 'utf8').then(
    (name) => name.trim(),
    () => '',
  )

/** Soon, with nobody doing anything about it, nobody lives in the pen. */
export async function nobodyLeft(pen: Pen): Promise<void> {
  await eventually('nobody is left', async () => (await pen.members()).length === 0, {
    instead: async () => describeAll(await pen.members()),
  })
}

/** That so many processes are members of a session before long. */
export async function expectMembers(gateway: Gateway, key: string, count: number): Promise<void> {
  const members = () => gateway.ask('members', key) as Promise<unknown[]>
  await eventually(`${key} has ${count} members`, async () => (await members()).length === count, {
    instead: members,
  })
}
