// The passthrough backend: plain child processes, for systems on which nothing can hold a session. The API is that of the other
// backends; receipts say that nothing is held.
import { randomBytes } from 'node:crypto'
import type { Backend, Enforcement, Family } from '../backend.js'
import type { AppliedLimit, GuardStatus, Left, SweepReport } from '../facts.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import { PassthroughFamily } from './family.js'
import { assertNoneRequired, unheldLimits } from './limits.js'

export interface PassthroughBackendOptions {
  /** Limits of all sessions together. */
  sessions: ParsedLimits
  enforcement: Enforcement
}

export class PassthroughBackend implements Backend {
  readonly name = 'passthrough'
  readonly capsAround = []
  readonly root = undefined
  readonly instance = `p${randomBytes(5).toString('hex')}`
  readonly #enforcement: Enforcement
  #limits: ParsedLimits

  /** @throws LimitUnsupportedError when limits of all sessions together are required. */
  constructor({ sessions, enforcement }: PassthroughBackendOptions) {
    assertNoneRequired(sessions, enforcement, 'all sessions')
    this.#enforcement = enforcement
    this.#limits = sessions
  }

  family(_name: string, _parent: Family | undefined, limits: ParsedLimits): Family {
    return new PassthroughFamily(limits)
  }

  /** What a dead gateway left cannot be told from any other process. */
  sweep(): Promise<SweepReport> {
    return Promise.resolve({ collected: [], live: [], failed: [] })
  }

  setLimits(changes: LimitChanges): void {
    assertNoneRequired(changes, this.#enforcement, 'all sessions')
    this.#limits = changedLimits(this.#limits, changes)
  }

  limits(): AppliedLimit[] {
    return unheldLimits(this.#limits)
  }

  /** Nothing ends the sessions with the gateway. */
  guard(): GuardStatus {
    return { alive: false, deaths: 0 }
  }

  left(): Left {
    return { path: '', pids: [] }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
