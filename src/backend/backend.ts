// What holds sessions: the interface that a mechanism (cgroups, or subreapers) fulfils. A backend knows
// nothing of keys and parents. It has families (named places that nest) and in each at most one group of processes.
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
  /** The place named `name` below `parent` (or at the top), to have `limits` when it is made. Makes nothing yet. */
  family(name: string, parent: Family | undefined, limits: ParsedLimits): Family
  /** Ends what instances left behind whose owner is dead. Never touches one whose owner lives. */
  sweep(options: SweepOptions): Promise<SweepReport>
  /** Changes the limits of all sessions of this instance together: all of them, or none. */
  setLimits(changes: LimitChanges): void
  /** What was asked for over all sessions, and what the kernel holds now. */
  limits(): AppliedLimit[]
  /** How it stands with what ends the sessions when this process dies. */
  guard(): GuardStatus
  /** Who lives on in the instance at this moment, whatever session it is of. */
  left(): Left
  /** Gives the instance up. All groups must be removed before. */
  close(): Promise<void>
}

export interface Family {
  /**
   * Makes the group of this family, with its limits set and read back, and starts its first process in it.
   * All or nothing, and nothing runs before the limits hold. Gives up once `cancel` is cancelled.
   */
  start(plan: GroupPlan, leader: ProcessPlan, cancel: Cancellation): Promise<Started>
  /** Makes the group alone, as start() does: its first process enters it by entry(). */
  prepare(plan: GroupPlan, cancel: Cancellation): Promise<Group>
  /** Changes the limits of all that is and will be in this family together: all of them, or none. */
  setLimits(changes: LimitChanges, enforcement: Enforcement): Promise<void>
  /** What was asked for, and what the kernel holds now; nothing while nobody is in the family. */
  limits(): AppliedLimit[]
}

export interface Started {
  group: Group
  leader: SpawnedProcess
}

export interface GroupPlan {
  limits: ParsedLimits
  /** `required`: a limit that cannot be enforced makes start() reject. */
  enforcement: Enforcement
  /** Hints for people and for other programs; never trusted. */
  labels: { mode: string; command: string }
}

export type Enforcement = 'required' | 'best-effort'

export interface Group {
  /** The directory that holds the processes, or that tells of the process that does; '' where nothing holds them. */
  readonly path: string
  /** What can get away, in words: nothing from a cgroup. */
  readonly notHeld: readonly string[]
  /** What was asked for, and what the kernel holds now. */
  limits(): AppliedLimit[]
  /** Changes limits of the living group: all of them, or none. */
  setLimits(changes: LimitChanges): void
  /** Starts a process that is in the group from its first instruction on. Gives up once `cancel` is cancelled. */
  spawn(plan: ProcessPlan, cancel: Cancellation): Promise<SpawnedProcess>
  /** The command line by which a process of somebody else's comes into the group and becomes `command`. */
  entry(command: string, args: readonly string[]): CommandLine
  /** Calls back once when the first process that came in so has ended. Returns the way to stop. */
  watchEntered(ended: () => void): () => void
  /** Says that end() will be called soon: what those that are ended together can share, they do. */
  announceEnd?(): void
  /** Ends all processes of the group and takes it away; a second call with less grace hastens the first. */
  end(plan: EndPlan): Promise<Ended>
  /** What the group has used so far. */
  usage(): Usage
  /** Whether the kernel has killed it because memory ran out. */
  outOfMemory(): OutOfMemory | undefined
  /** Calls back each time that its processes were held up for want of memory. Returns the way to stop. */
  watchPressure(heard: (pressure: Pressure) => void): () => void
  /**
   * Where the kernel does not end a group whole when memory runs out: calls back when it has to be ended. Returns the way to
   * stop; undefined where there is nothing to watch for.
   */
  watchMemory(over: (found: OutOfMemory) => void): (() => void) | undefined
  /** Calls back when a limit is met, each time with the count so far. Returns the way to stop. */
  watchHits(hit: (hit: LimitHit) => void): () => void
  /** Calls back with each limit that others than the gateway raise. Returns the way to stop; undefined: nobody can raise one. */
  watchRaises(raised: (limit: RaisedLimit) => void): (() => void) | undefined
  /** The pids of its members at this moment. */
  members(): number[]
  /** Whether somebody else has removed it. */
  isGone(): boolean
  /** Why another program ended the group, if it left word of that. */
  killedBy(): SessionReason | undefined
  /** Calls back when such word may have come. Returns the way to stop. */
  watchKilled(heard: () => void): () => void
  /** Gives the group's place up: its family goes with it, where nothing else is in that. */
  remove(): Promise<void>
}

export interface EndPlan {
  /**
   * How long members that nobody asks to end may take at most, in ms, where they end by themselves: they are killed once none
   * of them is at work (native/core/calm.h). Absent: no time. With it graceMs is 0.
   */
  drainMs?: number
  /** How long members may take after the signal that asks them to end, in ms; 0 kills at once. */
  graceMs: number
  /** The number of that signal. Default SIGTERM. */
  stopSignal?: number
  /** Bound on killing, in ms. */
  killTimeoutMs: number
}
