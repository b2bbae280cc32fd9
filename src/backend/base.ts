// What mechanisms do alike where they have nothing better: each writes only what differs.

import type { Cancellation } from '../common/cancellation.js'
import { LimitUnsupportedError } from '../common/errors.js'
import type {
  Backend,
  EndPlan,
  Enforcement,
  Family,
  Fate,
  Group,
  GroupPlan,
  LimitSet,
  Started,
} from './backend.js'
import type {
  AppliedLimit,
  BackendName,
  CapAround,
  Ended,
  GuardStatus,
  Left,
  SweepOptions,
  SweepReport,
  Usage,
} from './facts.js'
import type { Ledger } from './ledger.js'
import { changedLimits, hostMemory, type LimitChanges, type LimitName, type ParsedLimits } from './limits.js'
import type { CommandLine, ProcessPlan, SpawnedProcess } from './spawned.js'

export abstract class BaseBackend implements Backend {
  abstract readonly name: BackendName
  abstract readonly instance: string
  abstract readonly limits: LimitSet
  /** Sessions are in the cgroup of the gateway. */
  readonly capsAround: readonly CapAround[] = []
  readonly root: string | undefined = undefined

  abstract family(name: string, parent: Family | undefined, limits: ParsedLimits): Family

  /** Processes that a dead gateway left look like any other process. */
  async sweep(_options: SweepOptions, _ledger: Ledger | undefined): Promise<SweepReport> {
    return { collected: [], live: [], failed: [] }
  }

  /** Nothing ends the sessions with the gateway. */
  guard(): GuardStatus {
    return { alive: false, deaths: 0 }
  }

  left(): Left {
    return { path: '', pids: [] }
  }

  async close(): Promise<void> {}
}

/** A family where there is no directory to hold it: its sessions have nothing in common but their place in the tree of keys. */
export abstract class BaseFamily<Made extends Group> implements Family {
  abstract readonly limits: LimitSet<void | Promise<void>>

  /** Makes a group; `entered`: for processes that others start. */
  protected abstract make(plan: GroupPlan, entered: boolean): Promise<Made>

  async start(plan: GroupPlan, leader: ProcessPlan, cancel: Cancellation): Promise<Started> {
    const group = await this.make(plan, false)
    return { group, leader: await group.spawn(leader, cancel) }
  }

  prepare(plan: GroupPlan, _cancel: Cancellation): Promise<Group> {
    return this.make(plan, true)
  }
}

export abstract class BaseGroup implements Group {
  abstract readonly path: string
  abstract readonly notHeld: readonly string[]
  abstract readonly limits: LimitSet

  abstract spawn(plan: ProcessPlan, cancel: Cancellation): Promise<SpawnedProcess>
  abstract members(): number[]
  abstract end(plan: EndPlan): Promise<Ended>

  /** Unchanged: there is nothing to come into. */
  entry(command: string, args: readonly string[]): CommandLine {
    return { command, args: [...args] }
  }

  watch(..._of: Parameters<Group['watch']>): () => void {
    return () => undefined
  }

  fate(_withMemory?: boolean): Fate | undefined {
    return undefined
  }

  usage(): Usage {
    return {}
  }

  willEnd(): void {}

  async remove(): Promise<void> {}
}

export interface UnheldOptions {
  enforcement: Enforcement
  /** Whose limits they are, for messages. */
  over?: string
  /** What to do where limits are required. */
  hint: string
  /** The watchdog sees to memoryMax. */
  isWatched?: boolean
}

/** Limits that no kernel holds. @throws LimitUnsupportedError where one is required. */
export class UnheldLimits implements LimitSet {
  #wanted: ParsedLimits
  readonly #options: UnheldOptions

  constructor(wanted: ParsedLimits, options: UnheldOptions) {
    assertNoneRequired(wanted, options)
    this.#wanted = wanted
    this.#options = options
  }

  get wanted(): ParsedLimits {
    return this.#wanted
  }

  /** Only the machine's memory has an end. */
  get(): AppliedLimit[] {
    return (Object.entries(this.#wanted) as [LimitName, number][]).map(([name, requested]) => {
      const machine = name.startsWith('memory') ? hostMemory() : null
      if (name !== 'memoryMax' || !this.#options.isWatched)
        return { name, requested, applied: null, enforcedBy: 'none', effective: machine }
      const effective = Math.min(requested, hostMemory())
      return { name, requested, applied: null, enforcedBy: 'watchdog', effective }
    })
  }

  set(changes: LimitChanges): void {
    assertNoneRequired(changes, this.#options)
    this.#wanted = changedLimits(this.#wanted, changes)
  }
}

/** @throws LimitUnsupportedError where something is required. */
export function assertNoneRequired(
  limits: LimitChanges,
  { enforcement, over = 'a session', hint }: UnheldOptions,
): void {
  const wanted = (Object.keys(limits) as LimitName[]).filter((name) => limits[name] !== null)
  if (enforcement !== 'required' || wanted.length === 0) return
  throw new LimitUnsupportedError(`no controller here can enforce ${wanted.join(', ')} over ${over}`, {
    hint,
  })
}
