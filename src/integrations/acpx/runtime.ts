// A runtime of acpx whose endings end the session as well, whatever acpx's own did: closing, cancelling, resetting, shutting
// down.
import type { AcpRuntime, AcpRuntimeEvent, AcpRuntimeTurn, AcpRuntimeTurnInput } from 'acpx/runtime'
import { KernelError } from '../../common/errors.js'
import { settlesWithin } from '../../common/within.js'
import type { AcpxSessions } from './sessions.js'

type Handle = { handle: { sessionKey: string } }
type Reasoned = Handle & { reason?: string }

export class ContainedRuntime<Runtime extends AcpRuntime> {
  readonly #runtime: Runtime
  readonly #sessions: AcpxSessions
  readonly #patienceMs: number
  /** What settles when a turn is over, by session key. */
  readonly #turns = new Map<string, Set<Promise<unknown>>>()

  constructor(runtime: Runtime, sessions: AcpxSessions, patienceMs: number) {
    this.#runtime = runtime
    this.#sessions = sessions
    this.#patienceMs = patienceMs
  }

  /** The runtime, with these methods in the place of its own. */
  proxy(): Runtime {
    const own = this.#methods()
    return new Proxy(this.#runtime, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown
        if (typeof value !== 'function') return value
        return own[name as keyof typeof own] ?? value.bind(target)
      },
    })
  }

  #methods() {
    const runtime = this.#runtime
    return {
      close: (input: Parameters<AcpRuntime['close']>[0]) =>
        this.#finally(input, input.reason, input.discardPersistentState === true, () => runtime.close(input)),
      cancel: (input: Parameters<AcpRuntime['cancel']>[0]) =>
        this.#cancel(input, () => runtime.cancel(input)),
      prepareFreshSession: (input: Handle & Parameters<NonNullable<AcpRuntime['prepareFreshSession']>>[0]) =>
        this.#finally(input, 'reset', true, async () => runtime.prepareFreshSession?.(input)),
      shutdown: () => this.#shutdown(),
      startTurn: (input: AcpRuntimeTurnInput) => this.#startTurn(input),
      runTurn: (input: AcpRuntimeTurnInput) => this.#runTurn(input),
    }
  }

  /** Does it acpx's way, for as long as there is patience, and ends the session whatever came of that. */
  async #finally(
    { handle: { sessionKey } }: Handle,
    reason: string,
    family: boolean,
    inner: () => Promise<unknown>,
    over: () => Promise<unknown> = async () => undefined,
  ): Promise<void> {
    const held = this.#sessions.get(sessionKey)
    if (held) held.reason = reason
    const attempt = inner()
    const inTime = await settlesWithin(
      attempt.then(() => over()),
      this.#patienceMs,
    )
    await this.#sessions.end(sessionKey, reason, { family })
    // What waited for the agent hears now that it has gone
    if (inTime || (await settlesWithin(attempt, this.#patienceMs))) await attempt
    else throw this.#unanswered(sessionKey, reason)
  }

  #unanswered(sessionKey: string, reason: string): KernelError {
    return new KernelError(
      `acpx has not answered for '${sessionKey}' (${reason}) in ${2 * this.#patienceMs} ms`,
      {
        hint: 'All its processes were ended',
      },
    )
  }

  /** The agent may say that it has cancelled before it is ended: until its turns are over. */
  #cancel(input: Reasoned, inner: () => Promise<unknown>): Promise<void> {
    const turns = () => Promise.allSettled(this.#turns.get(input.handle.sessionKey) ?? [])
    return this.#finally(input, input.reason ?? 'cancelled', false, inner, turns)
  }

  async #shutdown(): Promise<void> {
    const keys = this.#sessions.keys()
    const attempt = Promise.resolve(this.#runtime.shutdown?.())
    const inTime = await settlesWithin(attempt, this.#patienceMs)
    await Promise.all(
      [...new Set([...keys, ...this.#sessions.keys()])].map((key) => this.#sessions.end(key, 'shutdown')),
    )
    if (inTime || (await settlesWithin(attempt, this.#patienceMs))) await attempt
    else throw this.#unanswered('all sessions', 'shutdown')
  }

  #follow(key: string, over: Promise<unknown>): void {
    const turns = this.#turns.get(key) ?? new Set()
    this.#turns.set(key, turns.add(over))
    const forget = () => {
      turns.delete(over)
      if (turns.size === 0 && this.#turns.get(key) === turns) this.#turns.delete(key)
    }
    over.then(forget, forget)
  }

  #startTurn(input: AcpRuntimeTurnInput): AcpRuntimeTurn {
    const turn = this.#runtime.startTurn(input)
    this.#follow(input.handle.sessionKey, turn.result)
    this.#heed(input)
    return new Proxy(turn, {
      get: (target, name) => {
        if (name === 'cancel')
          return (reasoned?: { reason?: string }) =>
            this.#cancel({ handle: input.handle, ...reasoned }, () => target.cancel(reasoned))
        const value = Reflect.get(target, name) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  async *#runTurn(input: AcpRuntimeTurnInput): AsyncIterable<AcpRuntimeEvent> {
    let over = () => undefined as undefined
    this.#follow(
      input.handle.sessionKey,
      new Promise<void>((resolve) => {
        over = () => void resolve()
      }),
    )
    this.#heed(input)
    try {
      yield* this.#runtime.runTurn(input)
    } finally {
      over()
    }
  }

  /** A signal that is aborted while the turn lasts is a cancel as well; its failure is told by the session's 'stuck' event. */
  #heed({ signal, handle }: AcpRuntimeTurnInput): void {
    if (!signal) return
    const turns = this.#turns.get(handle.sessionKey)
    const over = Promise.allSettled(turns ?? [])
    const abort = () => void this.#cancel({ handle }, async () => undefined).catch(() => undefined)
    signal.addEventListener('abort', abort, { once: true })
    void over.then(() => signal.removeEventListener('abort', abort))
  }
}
