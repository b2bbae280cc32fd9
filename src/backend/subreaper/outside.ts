// The sessions of this user that are held without cgroups, as others see and end them. Their limits are their owner's.
import type { Native } from '../../native/addon.js'
import type { SweepOptions, SweepReport } from '../facts.js'
import type { FoundSession, InstanceView, Outside, Strangers } from '../outside.js'
import { stuckError } from '../stuck.js'
import { endHeld, type HeldSession, heldSessions, viewHeld } from './survey.js'
import { sweepLost } from './sweep.js'

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
    return { foreign: [], unspoken: (await heldSessions(this.#native)).unspoken }
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
