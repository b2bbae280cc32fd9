// The sessions of an acpx runtime: one for each session key of acpx, as long as it has processes. All that acpx starts for a
// key enters it.

import type { Limits } from '../../backend/limits.js'
import type { CommandLine } from '../../backend/spawned.js'
import type { Corral } from '../../session/corral.js'
import type { SessionReport } from '../../session/report.js'
import type { Session } from '../../session/session.js'

export interface SessionRules {
  /** The parent key of a session. Default: none. */
  parentKeyOf?: ((sessionKey: string) => string | undefined) | undefined
  /** The limits of each session. Default: as the instance. */
  limits?: Limits | undefined
  /** The time between SIGTERM and SIGKILL, in ms. Default: as the instance. */
  graceMs?: number | undefined
}

interface Held {
  session: Session<undefined>
  /** The command line that enters it, without a command. */
  entry: CommandLine
  /** Launches whose process lives. */
  launches: Set<string>
  /** Why it is being ended, once that was said. */
  reason?: string
}

export class AcpxSessions {
  readonly #corral: Corral
  readonly #rules: SessionRules
  readonly #held = new Map<string, Held>()
  readonly #opening = new Map<string, Promise<Held>>()

  constructor(corral: Corral, rules: SessionRules) {
    this.#corral = corral
    this.#rules = rules
  }

  /** The session of a key, a new one where there is none. */
  async open(key: string, command: readonly string[]): Promise<Held> {
    for (let held = this.#held.get(key); held; held = this.#held.get(key)) {
      if (held.session.state === 'running') return held
      await held.session.over
    }
    const opening = this.#opening.get(key) ?? this.#prepare(key, command)
    this.#opening.set(key, opening)
    try {
      return await opening
    } finally {
      this.#opening.delete(key)
    }
  }

  async #prepare(key: string, [command = 'acpx', ...args]: readonly string[]): Promise<Held> {
    const { parentKeyOf, limits, graceMs } = this.#rules
    const wrapped = await this.#corral.wrap(command, args, {
      key,
      parentKey: parentKeyOf?.(key),
      mode: 'persistent',
      limits,
      ...(graceMs !== undefined && { graceMs }),
    })
    const { session } = wrapped
    const words = wrapped.args.slice(0, wrapped.args.length - args.length - 1)
    const held = { session, entry: { command: wrapped.command, args: words }, launches: new Set<string>() }
    this.#held.set(key, held)
    session.once('closed', () => {
      if (this.#held.get(key) === held) this.#held.delete(key)
    })
    return held
  }

  get(key: string): Held | undefined {
    return this.#held.get(key)
  }

  keys(): string[] {
    return [...this.#held.keys()]
  }

  /** The process of a launch has ended. With the last of them all that they left ends too. */
  async left(key: string, launchId: string): Promise<void> {
    const held = this.#held.get(key)
    if (!held?.launches.delete(launchId) || held.launches.size > 0) return
    await held.session.close({ reason: held.reason ?? 'agent-exited', graceMs: 0 })
  }

  /** Ends the session of a key, and with `family` all that stand below it. @throws StuckError, AggregateError */
  async end(key: string, reason: string, { family = false } = {}): Promise<void> {
    await this.#opening.get(key)?.catch(() => undefined)
    const closing: Promise<SessionReport | SessionReport[]>[] = []
    const session = this.#held.get(key)?.session
    if (session) closing.push(session.close({ reason }))
    if (family) closing.push(this.#corral.resetParent(key, { reason }))
    await Promise.all(closing)
  }
}
