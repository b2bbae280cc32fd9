// Our side of the keeper (native/warden/keep.c): the parent of the reapers, which ends what a reaper loses that is killed,
// and all sessions when we die. One that dies is replaced, for the sessions to come.
import { constants } from 'node:os'
import { failure, GuardError, systemDetails } from '../../common/errors.js'
import { within } from '../../common/within.js'
import { type Native, type NativeExit, wardenPath } from '../../native/addon.js'
import { keepAlive, Link, type Message, waitForEnd } from '../../native/link.js'
import { packPlan } from '../../native/plan.js'
import { assertSpoken, notStarted, PROTOCOL } from '../../native/protocol.js'
import type { GuardEvent, GuardStatus, Left } from '../facts.js'
import { Restarts } from '../restarts.js'
import { Starts } from '../starts.js'
import { stuckError } from '../stuck.js'

// Two forks and a few system calls; a machine that swaps takes its time.
const PATIENCE_MS = 10_000

export interface KeeperPlan {
  killTimeoutMs: number
  /** Find descendants as on kernels without CONFIG_PROC_CHILDREN. */
  scan: boolean
}

/** What a keeper found that a reaper had lost. */
export interface Collected {
  killed: { count: number; names: string[] }
  left: number[]
}

/** One keeper process. */
export class Keeper {
  readonly #native: Native
  readonly #killTimeoutMs: number
  readonly #link: Link
  readonly #waiting: ((collected: Collected | undefined) => void)[] = []
  #ready: (() => void) | undefined
  #refused: Error | undefined
  #pid = 0
  #pidfd: number | undefined
  #reapers = 0
  /** The pids of those that have stood. */
  readonly #known = new Set<number>()
  #collecting: Promise<unknown> = Promise.resolve()

  private constructor(native: Native, { killTimeoutMs }: KeeperPlan) {
    this.#native = native
    this.#killTimeoutMs = killTimeoutMs
    this.#link = new Link(native, (message) => this.#hear(message))
    void this.gone.then(() => {
      for (const settle of this.#waiting.splice(0)) settle(undefined)
    })
  }

  /** @throws GuardError */
  static async start(native: Native, plan: KeeperPlan): Promise<Keeper> {
    const keeper = Keeper.#make(native, plan)
    try {
      await keeper.#start(plan)
      return keeper
    } catch (error) {
      keeper.#link.hangUp()
      throw error
    }
  }

  static #make(native: Native, plan: KeeperPlan): Keeper {
    try {
      return new Keeper(native, plan)
    } catch (cause) {
      throw failure(GuardError, 'cannot listen to the keeper', cause)
    }
  }

  /** Settles when it is gone. */
  get gone(): Promise<void> {
    return this.#link.gone
  }

  /** Has it start a reaper, whose lifeline ends in `other`. Gives its number, for collect(). @throws a system error */
  hold(other: number): number {
    this.#link.ask('startReaper', { id: ++this.#reapers, fd: other })
    return this.#reapers
  }

  /** Takes note of a reaper that stands: it is none of the sessions' processes. */
  know(reaper: number): void {
    this.#known.add(reaper)
  }

  /** The pids of all that lives below it, but for reapers. */
  left(): number[] {
    if (this.#pid === 0) return []
    return this.#native.descendants(this.#pid).filter((pid) => !this.#known.has(pid))
  }

  get pid(): number {
    return this.#pid
  }

  /** Waits until that reaper is reaped and all that it lost is ended; undefined where the keeper is gone as well. */
  async collect(reaper: number): Promise<Collected | undefined> {
    const turn = this.#collecting.then(() => this.#collect(reaper))
    this.#collecting = turn.catch(() => undefined)
    return keepAlive(this.#native, turn)
  }

  /**
   * Has it end all that is left, and waits for its end.
   * @throws StuckError when something outlives that: the keeper goes on trying, and it can be asked again.
   */
  finish(): Promise<void> {
    return keepAlive(this.#native, this.#finish())
  }

  async #finish(): Promise<void> {
    this.#link.send('endAll')
    const pidfd = this.#pidfd
    if (pidfd === undefined) return this.#link.hangUp()
    const left = this.#collect(0).then((collected) => collected?.left ?? [])
    const over = waitForEnd(this.#native, pidfd).catch(() => this.gone)
    const outlived = await Promise.race([left, over.then(() => [])])
    if (outlived.length > 0)
      throw stuckError('what is held', `/proc/${this.#pid}`, outlived, this.#killTimeoutMs)
    const done = await within(
      over.then(() => true),
      this.#killTimeoutMs + PATIENCE_MS,
    )
    if (done === undefined) this.#signal(constants.signals.SIGKILL)
    await over
    await this.gone
  }

  /** Where we may not, as we have handed in our rights since, the end of its lifeline tells. */
  #signal(signal: number): void {
    try {
      if (this.#pidfd !== undefined) this.#native.signal(this.#pidfd, signal)
    } catch {}
  }

  /** Nobody may wait on the number any more: it may soon be another's. */
  #forget(pidfd: number): void {
    this.#pidfd = undefined
    this.#native.close(pidfd)
  }

  #collect(reaper: number): Promise<Collected | undefined> {
    // One that is stopped (SIGSTOP) would not read it
    this.#signal(constants.signals.SIGCONT)
    const clean = new Promise<Collected | undefined>((resolve) => {
      if (this.#link.send('collect', { id: reaper })) this.#waiting.push(resolve)
      else resolve(undefined)
    })
    return within(clean, this.#killTimeoutMs + PATIENCE_MS)
  }

  #hear(message: Message): void {
    if (message.kind === 'keeperReady') {
      this.#pid = message.pid
      this.#pidfd = message.fds.shift()
      const pidfd = this.#pidfd
      const forget = () => this.#forget(pidfd ?? -1)
      // Where it cannot be watched (no descriptors left), the end of its lifeline tells
      if (pidfd !== undefined) waitForEnd(this.#native, pidfd).then(forget, () => this.gone.then(forget))
      this.#ready?.()
    } else if (message.kind === 'refused') this.#refused = message.error
    else if (message.kind === 'clean') {
      const { killed, names, left } = message
      this.#waiting.shift()?.({ killed: { count: killed, names }, left })
    }
  }

  async #start({ killTimeoutMs, scan }: KeeperPlan): Promise<void> {
    const ready = new Promise<boolean>((resolve) => {
      this.#ready = () => resolve(true)
      void this.gone.then(() => resolve(false))
    })
    const { exited } = await this.#spawn([
      '--kill-timeout',
      String(killTimeoutMs),
      ...(scan ? ['--scan'] : []),
    ])
    const answer = await keepAlive(this.#native, within(ready, PATIENCE_MS))
    if (answer) return
    if (this.#refused)
      throw new GuardError(
        `cannot hold sessions here: ${this.#refused.message}`,
        systemDetails(this.#refused, 'Mount /proc'),
      )
    if (answer === false) assertSpoken(wardenPath(), await keepAlive(this.#native, exited))
    throw new GuardError(
      answer === undefined
        ? `the keeper has not answered within ${PATIENCE_MS} ms`
        : 'the keeper ended before it was ready',
    )
  }

  /** Gives how its first process ends. */
  async #spawn(options: string[]): Promise<{ exited: Promise<NativeExit> }> {
    const command = wardenPath()
    const argv = [
      'corral-warden',
      'keep',
      '--owner',
      String(process.pid),
      '--protocol',
      String(PROTOCOL),
      ...options,
    ]
    try {
      const plan = packPlan({
        command,
        argv,
        env: [],
        cwd: '/',
        stdio: [this.#link.other, 'ignore', 'ignore'],
        detached: true,
        urgent: true,
      })
      const { started, exited } = new Starts(this.#native, PATIENCE_MS).begin(plan)
      const [, pidfd] = await started
      const over = () => this.#native.close(pidfd)
      exited.then(over, over) // it forks once, and is out of our process tree
      return { exited }
    } catch (cause) {
      throw notStarted(command, cause)
    } finally {
      this.#native.close(this.#link.other)
    }
  }
}

/** The keeper there is at this moment. */
export class Keepers {
  readonly #native: Native
  readonly #plan: KeeperPlan
  readonly #restarts: Restarts
  #current: Keeper | undefined

  constructor(native: Native, plan: KeeperPlan, emit: (event: GuardEvent) => void) {
    this.#native = native
    this.#plan = plan
    this.#restarts = new Restarts(() => this.start(), emit)
  }

  status(): GuardStatus {
    return { alive: this.#current !== undefined, deaths: this.#restarts.deaths }
  }

  /** @throws GuardError */
  async start(): Promise<void> {
    const keeper = await Keeper.start(this.#native, this.#plan)
    this.#current = keeper
    this.#restarts.started()
    void keeper.gone.then(() => {
      this.#current = undefined
      this.#restarts.died()
    })
  }

  /** The keeper, or the next one where it has just died. @throws GuardError when none is running. */
  async current(): Promise<Keeper> {
    await this.#restarts.underWay
    if (this.#current) return this.#current
    throw new GuardError('no keeper process is running, so no session can start', {
      hint: "Find out what kills the keeper again and again ('guard' events tell when)",
    })
  }

  /** Who lives below it. */
  left(): Left {
    return { path: `/proc/${this.#current?.pid}`, pids: this.#current?.left() ?? [] }
  }

  async finish(): Promise<void> {
    const restarts = this.#restarts
    restarts.over = true
    if (restarts.underWay) await keepAlive(this.#native, restarts.underWay)
    await this.#current?.finish()
  }
}
