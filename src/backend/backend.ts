// What holds sessions: the owner's contract, which a mechanism fulfils (opening.ts names them, base.ts has defaults). A
// mechanism knows nothing of keys and parents: it has families, named places that nest, and in each at most one group of processes.
import type { Cancellation } from '../common/cancellation.js'
import type { SessionReason } from '../common/reasons.js'
import type {
  AppliedLimit,
  BackendName,
  CapAround,
  Ended,
  GuardStatus,
  Left,
  LimitHit,
  OutOfMemory,
  Pressure,
  RaisedLimit,
  SweepOptions,
  SweepReport,
  Usage,
} from './facts.js'
import type { Ledger } from './ledger.js'
import type { LimitChanges, ParsedLimits } from './limits.js'
import type { CommandLine, ProcessPlan, SpawnedProcess } from './spawned.js'

export interface Backend {
  readonly name: BackendName
  /** The directory that was delegated to us; undefined where there is none. */
  readonly root: string | undefined
  /** The name of this instance. */
  readonly instance: string
  /** Caps that hold for this process and not for the sessions. */
  readonly capsAround: readonly CapAround[]
  /** Of all sessions of this instance together. */
  readonly limits: LimitSet
  /** The place named `name` below `parent` (or at the top), to have `limits` when it is made. Makes nothing yet. */
  family(name: string, parent: Family | undefined, limits: ParsedLimits): Family
  /** Ends what instances with dead owners left; the ledger gets a line for each of their sessions. Never touches one whose owner lives. */
  sweep(options: SweepOptions, ledger: Ledger | undefined): Promise<SweepReport>
  /** The state of the process that ends the sessions when this one dies. */
  guard(): GuardStatus
  /** What lives on in the instance at this moment, whatever session it is of. */
  left(): Left
  /** Removes the instance. All groups must have been removed before. */
  close(): Promise<void>
}

export interface Family {
  /** Of all that is and will be in this family together; none are read while nobody is in it. */
  readonly limits: LimitSet<void | Promise<void>>
  /**
   * Makes the group of this family, with its limits set and read back, and starts its first process in it.
   * All or nothing, and nothing runs before the limits hold. Gives up once `cancel` is cancelled.
   */
  start(plan: GroupPlan, leader: ProcessPlan, cancel: Cancellation): Promise<Started>
  /** Makes the group alone, as start() does: its first process enters it by entry(). */
  prepare(plan: GroupPlan, cancel: Cancellation): Promise<Group>
}

export interface Group {
  /** The directory that holds the processes, or that tells of the process that does; '' where nothing holds them. */
  readonly path: string
  /** What can get away, in words: nothing from a cgroup. */
  readonly notHeld: readonly string[]
  readonly limits: LimitSet
  /** Starts a process that is in the group from its first instruction on. Gives up once `cancel` is cancelled. */
  spawn(plan: ProcessPlan, cancel: Cancellation): Promise<SpawnedProcess>
  /** The command line by which a process that another program starts enters the group and becomes `command`. */
  entry(command: string, args: readonly string[]): CommandLine
  /**
   * Tells of what limits bring about, or of what becomes of the group. Each watch is set up when there is something to watch for.
   * Returns a function that stops it. @throws of `fate`, where it cannot be watched; what limits bring about is in the end's report anyway.
   */
  watch(subject: 'limits' | 'fate', listener: (event: GroupEvent) => void): () => void
  /** What others have made of it; `withMemory`: and the kernel, because memory ran out. Undefined: nothing. */
  fate(withMemory?: boolean): Fate | undefined
  usage(): Usage
  /** The pids of its members at this moment. */
  members(): number[]
  /** end() will be called soon: what those that are ended together can share, they do. */
  willEnd(): void
  /** Ends all processes of the group and takes it away; a second call with less grace hastens the first. */
  end(plan: EndPlan): Promise<Ended>
  /** Gives the group's place up: its family goes with it, where nothing else is in that. */
  remove(): Promise<void>
}

export interface LimitSet<Changed = void> {
  /** What was asked for, and what the kernel holds now. */
  get(): AppliedLimit[]
  /** All of them, or none. @throws LimitUnsupportedError, KernelError */
  set(changes: LimitChanges): Changed
}

export type GroupEvent =
  /** A limit was met, with the count so far. */
  | { event: 'limit-hit'; hit: LimitHit }
  /** Others than the gateway have raised one. */
  | { event: 'limit-raised'; limit: RaisedLimit }
  /** Its processes had to wait for memory. */
  | { event: 'pressure'; pressure: Pressure }
  /** Memory ran out, and the kernel does not end the group whole here: it has to be ended. */
  | { event: 'out-of-memory'; found: OutOfMemory }
  /** The first process that came in by entry() has ended. */
  | { event: 'entered-left' }
  /** fate() may have changed. */
  | { event: 'fate' }

export interface Fate {
  reason: SessionReason
  outOfMemory?: OutOfMemory
}

export interface Started {
  group: Group
  leader: SpawnedProcess
}

export interface GroupPlan {
  limits: ParsedLimits
  /** `required`: a limit that cannot be enforced makes start() reject. */
  enforcement: Enforcement
  /**
   * Hints for people and for other programs; never trusted. `program`: the command's name alone; `id`: what no other session has, for
   * a ledger where there is no cgroup.
   */
  labels: { mode: string; command: string; program: string; id: string }
}

export type Enforcement = 'required' | 'best-effort'

export interface EndPlan {
  /**
   * How long members that get no signal may take to end by themselves, in ms: they are killed once none
   * of them is at work (native/core/calm.h). Absent: no time. With it graceMs is 0.
   */
  drainMs?: number
  /** How long members may take after the signal that asks them to end, in ms; 0 kills at once. */
  graceMs: number
  /** The number of that signal. Default SIGTERM. */
  stopSignal?: number
  /** Bound on killing, in ms. */
  killTimeoutMs: number
  /** Its place stays up to remove(), so that a ledger can be written before. */
  keeps?: boolean
}
