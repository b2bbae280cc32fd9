// The sessions of this user that are held without cgroups, as others see and end them. Their limits are their owner's.

import { clearInterval, setInterval, sleep } from '../../common/clock.js'
import { KernelError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { keepAlive } from '../../native/link.js'
import type { SweepOptions, SweepReport } from '../facts.js'
import type { FoundSession, HeldLimit, InstanceView, Outside, Strangers } from '../outside.js'
import { stuckError } from '../stuck.js'
import { doorWords } from './launch.js'
import { endHeld, type HeldSession, heldSessions, openHolder, viewHeld } from './survey.js'
import { sweepLost } from './sweep.js'

// What has lost its reaper is ended by its keeper, in a moment
const LOST_LOOK_MS = 50
const START_MS = 10_000
const ARRIVAL_LOOK_MS = 500

export class SubreaperOutside implements Outside {
  readonly root = undefined
  readonly #native: Native
  readonly #killTimeoutMs: number
  /** Those of the last list(), by the paths of their views. */
  #listed = new Map<string, HeldSession>()

  constructor(native: Native, killTimeoutMs: number) {
    this.#native = native
    this.#killTimeoutMs = killTimeoutMs
  }

  async list(): Promise<InstanceView[]> {
    const { sessions } = await heldSessions(this.#native)
    this.#listed = new Map(sessions.map((one) => [`/proc/${one.pid}`, one]))
    return viewHeld(this.#native, sessions)
  }

  async strangers(): Promise<Strangers> {
    const { unspoken, barred } = await heldSessions(this.#native)
    return { foreign: [], unspoken, barred }
  }

  async members({ session }: FoundSession): Promise<number[]> {
    const { reapers = [] } = this.#listed.get(session.path) ?? {}
    return reapers.flatMap((pid) => this.#native.descendants(pid))
  }

  async limits({ session }: FoundSession): Promise<HeldLimit[]> {
    const memoryMax = this.#listed.get(session.path)?.labels.memoryMax
    if (memoryMax === undefined) return []
    return [{ name: 'memoryMax', applied: null, enforcedBy: 'watchdog', effective: memoryMax }]
  }

  /** No kernel tells of abstract sockets that come. */
  watch(changed: () => void): () => void {
    const timer = setInterval(changed, ARRIVAL_LOOK_MS).unref()
    return () => clearInterval(timer)
  }

  /** Also where its reaper is killed: then once nobody bears the mark of the session any more. */
  async over({ session }: FoundSession): Promise<void> {
    const found = this.#listed.get(session.path)
    const reaper = found && (await openHolder(this.#native, found))
    if (reaper === undefined) return
    try {
      await keepAlive(this.#native, this.#native.waitForExit(reaper))
    } finally {
      this.#native.close(reaper)
    }
    while ((await this.#native.findLost()).some(({ reaper }) => reaper === found?.pid))
      await sleep(LOST_LOOK_MS)
  }

  async entry({ session }: FoundSession): Promise<string[]> {
    const found = this.#listed.get(session.path)
    if (found) return doorWords(found.door, START_MS, found.uid)
    throw new KernelError(`session '${session.key}' is over`, { path: session.path })
  }

  async sweep(options: SweepOptions): Promise<SweepReport> {
    const lost = await sweepLost(this.#native, { killTimeoutMs: this.#killTimeoutMs }, options)
    const { sessions } = await heldSessions(this.#native)
    return { ...lost, live: [...new Set(sessions.map(({ labels }) => labels.instance))] }
  }

  async kill({ session }: FoundSession, graceMs: number): Promise<number | undefined> {
    const found = this.#listed.get(session.path)
    const killTimeoutMs = this.#killTimeoutMs
    const ended = found && (await endHeld(this.#native, found, { graceMs, killTimeoutMs }))
    if (!ended) return undefined
    if (!ended.empty) throw stuckError(`session '${session.key}'`, session.path, ended.left, killTimeoutMs)
    return ended.killed.count
  }
}
