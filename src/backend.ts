// What holds sessions: the interface that a mechanism (cgroups; later: a subreaper) fulfils. A backend knows
// nothing of keys and parents. It has families (named places that nest) and in each at most one group of processes.

import type { LimitName, ParsedLimits } from './limits.js'
import type { NativeExit } from './native.js'
import type { NativeStdio } from './native-plan.js'

export type BackendName = 'cgroup'

export interface Backend {
  readonly name: BackendName
  /** The directory that was delegated to us. */
  readonly root: string
  /** The name of this instance below it. */
  readonly instance: string
  /** The place named `name` below `parent` (or at the top). Makes nothing yet. */
  family(name: string, parent: Family | undefined): Family
  /** Ends what instances left behind whose owner is dead. Never touches one whose owner lives. */
  sweep(options: SweepOptions): Promise<SweepReport>
  /** How it stands with what ends the sessions when this process dies. */
  guard(): GuardStatus
  /** Gives the instance up. All groups must be removed before. */
  close(): Promise<void>
}

export interface GuardStatus {
  /** Whether there is one at this moment. */
  alive: boolean
  /** How many have died, each of which was replaced. */
  deaths: number
}

/** What became of the guard. */
export type GuardEvent =
  | { event: 'died'; deaths: number }
  | { event: 'restarted'; deaths: number }
  | { event: 'failed'; deaths: number; error: Error }

export interface Family {
  /**
   * Makes the group of this family, with its limits set and read back, and starts its first process in it.
   * All or nothing, and nothing runs before the limits hold.
   */
  start(plan: GroupPlan, leader: ProcessPlan): Promise<Started>
  /** Makes the group alone, as start() does: its first process enters it by entry(). */
  prepare(plan: GroupPlan): Promise<Group>
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

/** One limit, as asked for and as the kernel says that it is. */
export interface AppliedLimit {
  name: LimitName
  /** Bytes, count or cores. */
  requested: number
  /** Read back from the kernel; `null` where nothing holds it. */
  applied: number | null
  enforcedBy: 'cgroup' | 'none'
}

export interface Group {
  /** The directory that holds the processes. */
  readonly path: string
  /** What was asked for, and what the kernel holds now. */
  limits(): AppliedLimit[]
  /** Starts a process that is in the group from its first instruction on. */
  spawn(plan: ProcessPlan): Promise<SpawnedProcess>
  /** The command line by which a process of somebody else's comes into the group and becomes `command`. */
  entry(command: string, args: readonly string[]): CommandLine
  /** Calls back once when the first process that came in so has ended. Returns the way to stop. */
  watchEntered(ended: () => void): () => void
  /** Ends all processes of the group and takes it away; a second call with less grace hastens the first. */
  end(plan: EndPlan): Promise<Ended>
  /** What the group has used so far. */
  usage(): Usage
  /** The pids of its members at this moment. */
  members(): number[]
  /** Whether somebody else has removed it. */
  isGone(): boolean
  /** Why another program ended the group, if it left word of that. */
  killedBy(): string | undefined
  /** Calls back when such word may have come. Returns the way to stop. */
  watchKilled(heard: () => void): () => void
  /** Gives the group's place up: its family goes with it, where nothing else is in that. */
  remove(): Promise<void>
}

export interface CommandLine {
  command: string
  args: string[]
}

export interface ProcessPlan {
  command: string
  argv: readonly string[]
  env: readonly string[] | undefined
  cwd: string | undefined
  stdio: readonly NativeStdio[]
  detached: boolean
  uid: number | undefined
  gid: number | undefined
}

export interface SpawnedProcess {
  pid: number
  pidfd: number
  fds: number[]
  createdInPlace: boolean
  /** Settles when the process has ended. */
  exited: Promise<NativeExit>
}

export interface EndPlan {
  /** How long members may take after SIGTERM, in ms; 0 kills at once. */
  graceMs: number
  /** Bound on killing, in ms. */
  killTimeoutMs: number
}

export interface Ended {
  /** False: `left` outlived SIGKILL for killTimeoutMs. */
  empty: boolean
  killed: Killed
  left: number[]
  /** What the group used in all; known to the call that found it empty. */
  usage: Usage
}

/** Processes that had to be killed. */
export interface Killed {
  count: number
  /** Command names of the first 16 of them. */
  names: string[]
}

/** What a group used, as far as the kernel tells. */
export interface Usage {
  cpuUserMs?: number
  cpuSystemMs?: number
  memoryBytes?: number
  memoryPeakBytes?: number
  memoryMaxBytes?: number
  swapPeakBytes?: number
  oomKills?: number
  pids?: number
  pidsPeak?: number
  ioReadBytes?: number
  ioWriteBytes?: number
}

export interface SweepOptions {
  /** Only say what would be collected. */
  dryRun: boolean
}

export interface SweptInstance {
  instance: string
  path: string
  sessions: number
  processes: number
}

export interface SweepReport {
  /** Collected, or with dryRun: to be collected. */
  collected: SweptInstance[]
  /** Instances whose owner lives. */
  live: string[]
  /** Dead, but not to be collected by us. */
  failed: { instance: string; path: string; error: Error }[]
}
