// A gateway process in a pen, in which calls can be made to fail (gateway.mjs). One that crashes is replaced.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findMemoryV1 } from '../../../src/backend/cgroup/memory-v1.js'
import { subtree } from '../../support/cgroup-tree.js'
import { compiledLibrary } from '../../support/compile-payload.js'
import { eventually } from '../../support/eventually.js'
import type { Pen } from '../../support/pen.js'
import { CONTROL_BYTES } from './control.mjs'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export interface Fault {
  /** `CALL WHAT`, as the gateway has recorded it. */
  label: string
  /** Which of the calls with this label, from 1. */
  nth: number
  /** errno. */
  number: number
  /** That call and all later ones with this label, until the operation has settled. */
  always: boolean
}

export interface Verdict {
  /** How many calls have failed: 0 where there were fewer of them than when they were recorded. */
  fired: number
  failed: boolean
  message?: string
  problems: string[]
}

export class Gateway implements AsyncDisposable {
  readonly #pen: Pen
  readonly #library: string
  readonly #fresh: boolean
  readonly #directory = mkdtempSync(join(tmpdir(), 'corral-faults-'))
  /** The v1 memory cgroup that it is in, where there is that hierarchy: what it leaves there is found. */
  readonly #twin: string | undefined
  #child: ChildProcess | undefined

  private constructor(pen: Pen, library: string, fresh: boolean) {
    this.#fresh = fresh
    this.#pen = pen
    this.#library = library
    const memory = findMemoryV1()
    this.#twin = memory && mkdtempSync(join(memory, 'faults-'))
  }

  /** A `fresh` one has not done anything yet: it has no threads of its own. */
  static async start(pen: Pen, { fresh = false } = {}): Promise<Gateway> {
    const gateway = new Gateway(pen, await compiledLibrary(path('payloads/fail.c')), fresh)
    await gateway.#start()
    return gateway
  }

  /** The calls of ours that the operation makes, in order. */
  async record(operation: string): Promise<string[]> {
    const { calls } = (await this.#ask({ operation })) as { calls: string[] }
    return calls
  }

  /** Does the operation with that fault, and judges what came of it. */
  async attempt(operation: string, fault: Fault): Promise<Verdict> {
    return (await this.#ask({ operation, fault })) as Verdict
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#pen.kill()
    rmSync(this.#directory, { recursive: true })
    if (this.#twin) await removeTwin(this.#twin)
  }

  async #start(): Promise<void> {
    const control = join(this.#directory, 'control')
    writeFileSync(control, Buffer.alloc(CONTROL_BYTES))
    const args = [
      path('gateway.mjs'),
      control,
      this.#pen.path,
      this.#fresh ? 'fresh' : 'warm',
      this.#twin ?? '',
    ]
    const preload = `${this.#library}${process.env['LD_PRELOAD'] ? `:${process.env['LD_PRELOAD']}` : ''}`
    this.#child = this.#pen.spawn(
      'env',
      [`LD_PRELOAD=${preload}`, `CORRAL_FAULTS=${control}`, process.execPath, ...args],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    )
    this.#child.setMaxListeners(0)
    await this.#answer(this.#child)
  }

  async #ask(question: object): Promise<unknown> {
    const child = this.#child as ChildProcess
    const answer = this.#answer(child)
    child.send(question)
    try {
      return await answer
    } catch (error) {
      await this.#pen.kill()
      await this.#start()
      return { fired: 1, failed: true, problems: [(error as Error).message] }
    }
  }

  async #answer(child: ChildProcess): Promise<unknown> {
    const over = new AbortController()
    const { signal } = over
    const crash = once(child, 'exit', { signal }).then(([code, by]) => {
      throw new Error(`the gateway ended: ${by ?? code}`)
    })
    try {
      const [message] = await Promise.race([once(child, 'message', { signal }), crash])
      return message
    } finally {
      over.abort()
      crash.catch(() => undefined)
    }
  }
}

/** With all that was left in it: the tests tell of that. A process that has just been killed may still be there. */
async function removeTwin(twin: string): Promise<void> {
  await eventually(`${twin} is removed`, async () => {
    try {
      for (const directory of (await subtree(twin)).toReversed()) rmdirSync(directory)
      return true
    } catch {
      return false
    }
  })
}
