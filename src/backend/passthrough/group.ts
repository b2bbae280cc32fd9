// One session's child processes: those that were asked for. Of what these start themselves nothing is known.

import { now, sleep } from '../../common/clock.js'
import { within } from '../../common/within.js'
import type { EndPlan, GroupPlan } from '../backend.js'
import { BaseGroup, UnheldLimits } from '../base.js'
import type { Ended } from '../facts.js'
import type { ProcessPlan, SpawnedProcess } from '../spawned.js'
import { PassthroughChild } from './child.js'
import { HINT } from './limits.js'

const NOT_HELD = [
  'descendants of the processes of the session are not ended with it, unless they are in the process group of one that was started with `detached` (not on Windows)',
  'nothing ends the session when the gateway dies',
] as const
const ENTERED = 'a command of wrap() is not followed: the program that starts it has to end it'
const POLL_MS = 10
const NAMED = 16

export class PassthroughGroup extends BaseGroup {
  /** Nothing holds the processes. */
  readonly path = ''
  readonly notHeld: readonly string[]
  readonly limits: UnheldLimits
  readonly #children = new Set<PassthroughChild>()
  /** Of which Node has not told yet: their processes may be there. */
  readonly #starting = new Set<Promise<unknown>>()

  /** `entered`: for commands that others start. @throws LimitUnsupportedError where a limit is required. */
  constructor({ limits, enforcement }: GroupPlan, entered: boolean) {
    super()
    this.limits = new UnheldLimits(limits, { enforcement, hint: HINT })
    this.notHeld = entered ? [ENTERED, ...NOT_HELD] : NOT_HELD
  }

  async spawn(plan: ProcessPlan): Promise<SpawnedProcess> {
    const starting = this.#start(plan)
    this.#starting.add(starting)
    const child = await starting.finally(() => this.#starting.delete(starting))
    return { pid: child.pid, handle: child, createdInPlace: false, exited: child.exited }
  }

  async #start(plan: ProcessPlan): Promise<PassthroughChild> {
    const child = await PassthroughChild.start(plan)
    this.#children.add(child)
    void child.exited.then(() => this.#forgetEnded())
    return child
  }

  async end({ graceMs, stopSignal, killTimeoutMs, drainMs = 0 }: EndPlan): Promise<Ended> {
    await Promise.allSettled(this.#starting)
    if (drainMs > 0) await this.#drain(drainMs)
    if (graceMs > 0) {
      for (const child of this.#living()) child.ask(stopSignal)
      await this.#goneWithin(graceMs)
    }
    const killed = this.#living()
    for (const child of killed) child.kill()
    const empty = await this.#goneWithin(killTimeoutMs)
    const names = killed.slice(0, NAMED).map(({ name }) => name)
    const left = this.#living().map(({ pid }) => pid)
    return { empty, killed: { count: killed.length, names }, left, usage: {} }
  }

  members(): number[] {
    return [...this.#children].filter(({ running }) => running).map(({ pid }) => pid)
  }

  /** What was left in process groups ends by itself, while it is at work. */
  async #drain(ms: number): Promise<void> {
    const until = now() + ms
    let before: string | undefined
    while (this.#living().length > 0 && now() < until) {
      const looks = this.#living().map((child) => child.look())
      const look = looks.includes(undefined) ? undefined : looks.join()
      if (look !== undefined && look === before) return
      before = look
      if (look === undefined) await sleep(POLL_MS)
    }
  }

  #living(): PassthroughChild[] {
    return [...this.#children].filter((child) => child.isAlive())
  }

  #forgetEnded(): void {
    for (const child of this.#children) if (!child.isAlive()) this.#children.delete(child)
  }

  /** Whether all are gone within that time. The end of a process is told; that of a process group has to be looked for. */
  async #goneWithin(ms: number): Promise<boolean> {
    const until = now() + ms
    const running = [...this.#children].map(({ exited }) => exited)
    await within(Promise.all(running), ms)
    while (this.#living().length > 0 && now() < until) await sleep(POLL_MS)
    return this.#living().length === 0
  }
}
