// Our side of the guard: the warden's process that ends and removes our instance when we die. native/warden/guard.h has the
// other side.

import { constants } from 'node:os'
import path from 'node:path'
import { failure, GuardError, systemCodeOf, systemDetails } from '../../common/errors.js'
import { within } from '../../common/within.js'
import { type Native, type NativeExit, wardenPath } from '../../native/addon.js'
import type { Kind } from '../../native/language.js'
import { CORRAL, SESSIONS, WARDEN } from '../../native/language.js'
import { keepAlive, Link, waitForEnd } from '../../native/link.js'
import { packPlan } from '../../native/plan.js'
import { assertSpoken, notStarted, PROTOCOL } from '../../native/protocol.js'
import type { GuardEvent, GuardStatus } from '../facts.js'
import { type LedgerPlan, ledgerWords } from '../ledger.js'
import { Restarts } from '../restarts.js'
import { Starts } from '../starts.js'
import { type Instance, removeInstance } from './instance.js'
import type { KillMethod } from './kill.js'
import type { MemoryV1 } from './memory-v1.js'
import { emptyTree, removeTree } from './removal.js'

const ENDED_EARLY = 'the guard ended before it was ready'
// A fork and a few system calls; a machine that swaps takes its time.
const PATIENCE_MS = 10_000
// How long a guard may take to remove an empty instance, which takes it a millisecond. One that is stopped or frozen never
// answers; one that is only slow can be ended all the same, as what it has left to do is ours then.
const DISMISSAL_MS = 1000
// Behind stdio
const FIRST_KEPT_FD = 3

export interface GuardPlan {
  root: string
  instance: string
  killMethod: KillMethod
  killTimeoutMs: number
  noClone3: boolean
  /** Gets a line for each session that it ends. */
  ledger?: LedgerPlan | undefined
}

/** One guard process, by what it says over its lifeline. */
class Lifeline {
  readonly link: Link
  readonly #native: Native
  readonly #said = new Set<Kind>()
  /** The ends of its processes that come to us as to init: one after another, for the later is a child of the earlier until that ends. */
  #orphans: Promise<void> = Promise.resolve()
  #heard: () => void = () => undefined

  constructor(native: Native) {
    this.#native = native
    this.link = new Link(native, ({ kind, fds }) => {
      this.#said.add(kind)
      if (process.pid === 1)
        for (const pidfd of fds.splice(0)) this.#orphans = this.#orphans.then(() => this.#reap(pidfd))
      this.#heard()
    })
  }

  async #reap(pidfd: number): Promise<void> {
    await waitForEnd(this.#native, pidfd).catch(() => undefined) // no descriptors are left: it stays a zombie
    this.#native.close(pidfd)
  }

  /** @throws GuardError */
  say(kind: 'instanceMade' | 'removeInstance'): void {
    try {
      this.link.ask(kind)
    } catch (cause) {
      throw systemCodeOf(cause) === 'EPIPE'
        ? new GuardError(ENDED_EARLY, systemDetails(cause))
        : failure(GuardError, 'cannot send to the guard', cause)
    }
  }

  /** @throws GuardError when the guard ends, or takes too long, before it says that. */
  async expect(kind: 'guardReady' | 'movedIn'): Promise<void> {
    const said = new Promise<void>((resolve) => {
      this.#heard = () => {
        if (this.#said.has(kind)) resolve()
      }
      this.#heard()
    })
    await this.#inTime(Promise.race([said, this.link.gone]))
    if (!this.#said.has(kind)) throw new GuardError(ENDED_EARLY)
  }

  /** Waits for the guard's end. @throws GuardError when it does not come. */
  ended(withinMs: number): Promise<void> {
    return this.#inTime(
      this.link.gone.then(() => this.#orphans),
      withinMs,
    )
  }

  async #inTime(event: Promise<unknown>, withinMs = PATIENCE_MS): Promise<void> {
    const came = await keepAlive(
      this.#native,
      within(
        event.then(() => true),
        withinMs,
      ),
    )
    if (!came) throw new GuardError(`the guard has not answered within ${withinMs} ms`)
  }
}

export class Guard {
  readonly #native: Native
  readonly #plan: GuardPlan
  readonly #starts: Starts
  readonly #restarts: Restarts
  #lifeline: Lifeline | undefined
  /** The pidfd of its first process, a child of ours until the guard has moved in. */
  #first: number | undefined
  /** Settles when that process is reaped. */
  #firstGone: Promise<void> = Promise.resolve()
  /** How that ended. */
  #firstExit: NativeExit | undefined
  #movedIn = false

  constructor(native: Native, plan: GuardPlan, emit: (event: GuardEvent) => void) {
    this.#native = native
    this.#plan = plan
    this.#starts = new Starts(native, PATIENCE_MS)
    this.#restarts = new Restarts(() => this.#startAgain(), emit)
  }

  status(): GuardStatus {
    return { alive: this.#movedIn && this.#lifeline !== undefined, deaths: this.#restarts.deaths }
  }

  /**
   * Before the first directory is made: from here on our death leaves nothing.
   * @throws GuardError
   */
  async start(): Promise<void> {
    const lifeline = this.#listen()
    try {
      await this.#spawn(lifeline.link.other)
    } catch (error) {
      lifeline.link.hangUp()
      throw error
    } finally {
      this.#native.close(lifeline.link.other)
    }
    this.#lifeline = lifeline
    this.#restarts.started()
    void lifeline.link.gone.then(() => this.#onGone(lifeline))
    try {
      await this.#heardOrDropped(lifeline, 'guardReady')
    } catch (error) {
      assertSpoken(wardenPath(), this.#firstExit)
      throw error
    }
  }

  /**
   * The instance stands: the guard goes into its own group there, out of our process tree.
   * @throws GuardError
   */
  async moveIn(): Promise<void> {
    const lifeline = this.#lifeline
    if (!lifeline) throw new GuardError('the guard ended before the instance was ready')
    await this.#heardOrDropped(lifeline, 'movedIn', 'instanceMade')
    this.#movedIn = true
  }

  /** After a failure: goes on trying, and tells how that goes. */
  retry(error: Error): void {
    this.#restarts.failed(error)
  }

  /**
   * Has the guard end and remove the instance, and ends it with its group where it does not, also where that is frozen. One that
   * has died closes the lifeline a moment before it leaves its group.
   * @throws StuckError
   */
  async finish(): Promise<void> {
    this.#restarts.over = true
    await this.#dismiss()
    // One that was just being started makes its group anew: the instance must not be removed before it is done
    await this.#restarts.underWay
    await this.#dismiss()
    await removeTree(this.#group, { native: this.#native, ...this.#plan })
  }

  /** Ends all that is left in the instance: what has moved itself out of the sessions. @throws StuckError */
  async endRest(): Promise<void> {
    await emptyTree(this.#directory, { native: this.#native, ...this.#plan })
  }

  /** That of the instance. */
  get #directory(): string {
    return path.join(this.#plan.root, CORRAL, this.#plan.instance)
  }

  get #group(): string {
    return path.join(this.#directory, WARDEN)
  }

  async #dismiss(): Promise<void> {
    const lifeline = this.#lifeline
    if (!lifeline) return
    try {
      lifeline.say('removeInstance')
      await lifeline.ended(DISMISSAL_MS)
    } catch {
      // It is dead, or stopped, or slow
    } finally {
      lifeline.link.hangUp()
    }
  }

  /**
   * Waits for a word, said in answer to another one. Who does not answer is ended before its lifeline is cut: it would take us for
   * dead, and end our sessions.
   */
  async #heardOrDropped(
    lifeline: Lifeline,
    expected: 'guardReady' | 'movedIn',
    said?: 'instanceMade',
  ): Promise<void> {
    try {
      if (said !== undefined) lifeline.say(said)
      await lifeline.expect(expected)
    } catch (error) {
      if (this.#lifeline === lifeline) this.#lifeline = undefined
      if (!this.#restarts.over) await this.#drop()
      const { killMethod, killTimeoutMs: killMs } = this.#plan
      const ended = await this.#native.endGroup(this.#group, {
        graceMs: 0,
        killMs,
        freeze: killMethod === 'freeze',
      })
      if (ended.empty) lifeline.link.hangUp()
      throw error
    }
  }

  /** Ends the first process, should it still be there. */
  async #drop(): Promise<void> {
    if (this.#first !== undefined) this.#native.signal(this.#first, constants.signals.SIGKILL)
    await keepAlive(this.#native, this.#firstGone)
  }

  /** @throws GuardError */
  #listen(): Lifeline {
    try {
      return new Lifeline(this.#native)
    } catch (cause) {
      throw failure(GuardError, 'cannot listen to the guard', cause)
    }
  }

  async #spawn(lifeline: number): Promise<void> {
    const { root, instance, killMethod, killTimeoutMs, noClone3, ledger } = this.#plan
    const command = wardenPath()
    const argv = ['corral-warden', 'guard', '--root', root, '--instance', instance]
    argv.push('--owner', String(process.pid), '--kill-timeout', String(killTimeoutMs))
    argv.push('--protocol', String(PROTOCOL))
    if (killMethod === 'freeze') argv.push('--freeze')
    argv.push(...ledgerWords(ledger))
    if (noClone3) argv.push('--no-clone3')
    try {
      // By descriptors: a session can hide the way to them, or close it
      const held: number[] = []
      for (const [option, directory] of [
        ['--root-fd', root] as const,
        ['--instance-fd', this.#directory] as const,
      ]) {
        const fd = this.#native.heldFd(directory)
        if (fd >= 0) argv.push(option, String(FIRST_KEPT_FD + held.push(fd) - 1))
      }
      const plan = packPlan(
        {
          command,
          argv,
          env: [],
          cwd: '/',
          stdio: [lifeline, 'ignore', 'ignore', ...held],
          detached: true,
          urgent: true,
        },
        { group: '', make: '', noClone3 },
      )
      const { started, exited } = this.#starts.begin(plan)
      const [, pidfd] = await started
      this.#first = pidfd
      const over = () => {
        this.#native.close(pidfd)
        if (this.#first === pidfd) this.#first = undefined
      }
      this.#firstExit = undefined
      this.#firstGone = exited.then((exit) => {
        this.#firstExit = exit
        over()
      }, over)
    } catch (cause) {
      throw notStarted(command, cause)
    }
  }

  #onGone(lifeline: Lifeline): void {
    if (this.#lifeline === lifeline) this.#lifeline = undefined
    lifeline.link.hangUp()
    if (this.#movedIn) this.#restarts.died()
  }

  async #startAgain(): Promise<void> {
    this.#movedIn = false
    await this.start()
    if (!this.#restarts.over) await this.moveIn() // else finish() tells it so
  }
}

/**
 * Removes an instance without sessions: by its guard, so that our death in the middle of it changes nothing; else ourselves.
 * @throws StuckError of what has moved itself out of the sessions, and outlives that.
 */
export async function endInstance(
  native: Native,
  root: string,
  instance: Instance,
  guard: Guard,
  memoryV1?: MemoryV1,
): Promise<void> {
  // A guard that outlives even its killing keeps the empty directories up to the next sweep
  await guard.finish().catch(() => undefined)
  await guard.endRest()
  await memoryV1?.remove([path.join(instance.path, SESSIONS)])
  removeInstance(native, root, instance)
}
