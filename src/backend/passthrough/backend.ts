// The passthrough backend: plain child processes, for systems on which nothing can hold a session. The API is that of the other
// backends; receipts say that nothing is held.
import { randomHex } from '../../common/builtins.js'
import type { Enforcement, Family } from '../backend.js'
import { BaseBackend, UnheldLimits } from '../base.js'
import type { ParsedLimits } from '../limits.js'
import { PassthroughFamily } from './family.js'
import { HINT } from './limits.js'

export interface PassthroughBackendOptions {
  /** Limits of all sessions together. */
  sessions: ParsedLimits
  enforcement: Enforcement
}

export class PassthroughBackend extends BaseBackend {
  readonly name = 'passthrough'
  readonly instance = `p${randomHex(5)}`
  readonly limits: UnheldLimits
  readonly #enforcement: Enforcement

  /** @throws LimitUnsupportedError when limits of all sessions together are required. */
  constructor({ sessions, enforcement }: PassthroughBackendOptions) {
    super()
    this.#enforcement = enforcement
    this.limits = new UnheldLimits(sessions, { enforcement, over: 'all sessions', hint: HINT })
  }

  family(_name: string, _parent: Family | undefined, limits: ParsedLimits): Family {
    return new PassthroughFamily(limits, this.#enforcement)
  }
}
