// What holds sessions: the interface that a mechanism (cgroups, or subreapers) fulfils. A backend knows
// nothing of keys and parents. It has families (named places that nest) and in each at most one group of processes.

import type { Socket } from 'node:net'
import type { Cancellation } from '../common/cancellation.js'
import type { SessionReason } from '../common/reasons.js'
import type { NativeExit } from '../native/addon.js'
import type { NativeStdio } from '../native/plan.js'
import type { LimitChanges, LimitName, ParsedLimits } from './limits.js'

/** `passthrough` holds nothing: plain child processes, where there is no other. */
export type BackendName = 'cgroup' | 'subreaper' | 'passthrough'

export interface Left {
  path: string
  pids: number[]
}

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

/** One limit, as asked for and as the kernel says that it is. */
export interface AppliedLimit {
  name: LimitName
  /** Bytes, count or cores. */
  requested: number
  /** Read back from the kernel; `null` where nothing holds it. */
  applied: number | null
  /**
   * `cgroup-v1`: by the kernel too, but in the older hierarchy, and when memory runs out it kills one process and Corral the
   * others. `watchdog`: nothing in the kernel, but what is over it is killed when that is seen.
   */
  enforcedBy: 'cgroup' | 'cgroup-v1' | 'watchdog' | 'none'
  /**
   * What holds in the end: the smallest on the way from the session to the top, its family's, the instance's and the
   * machine's included. `null` where nothing bounds it.
   */
  effective: number | null
}

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
  handle: ProcessHandle
  createdInPlace: boolean
  /** Settles when the process has ended. */
  exited: Promise<NativeExit>
}

/** How the gateway reaches a process that it started. */
export interface ProcessHandle {
  /** How many descriptors it was given. */
  readonly descriptors: number
  /** Our end of a descriptor, opened by the first call; null where there is none. */
  stream(index: number): Socket | null
  /** Closes our end of a descriptor that could not be opened. */
  discard(index: number): void
  /** False when the process has ended. */
  signal(number: number): boolean
  /** Keeps the event loop alive while the process runs. */
  ref(): void
  unref(): void
  /** The process has ended: gives up what only a running one is reached by. */
  ended(): void
  /**
   * After that: takes into memory what was written and nobody reads yet. Gives a promise for each stream that was asked for,
   * which settles when it is closed, or taken whole.
   */
  keepUnread(): Promise<void>[]
  /** Whether nothing can come any more in streams that nobody asked for. */
  isWhole(): boolean
  /** Nothing of the session lives, so nobody writes any more: takes all that is left into memory. */
  sessionOver(): void
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

export interface Ended {
  /** False: `left` outlived SIGKILL for killTimeoutMs. */
  empty: boolean
  killed: Killed
  left: number[]
  /** What the group used in all; known to the call that found it empty. */
  usage: Usage
  /** What may have got away, in words. */
  notHeld?: readonly string[]
  /** The first 16 that others had moved out of the group, and that were ended there. */
  moved?: MovedProcess[]
  /** Limits of the session that others than the gateway had raised. */
  limitsRaised?: RaisedLimit[]
}

/** A limit that the kernel held less strictly at the end than the gateway had set it. */
export interface RaisedLimit {
  name: LimitName
  /** Bytes, count or cores, as the gateway set it last. */
  set: number
  /** What the kernel held instead; null: nothing. */
  held: number | null
}

/** A process of the session that was found outside of it, where systemd, a container runtime or another had moved it. */
export interface MovedProcess {
  pid: number
  /** Its command name. */
  name: string
  /** The cgroup where it was, as /proc/PID/cgroup tells it; '' where that could not be read. */
  cgroup: string
}

/** Processes that had to be killed. */
export interface Killed {
  count: number
  /** Command names of the first 16 of them, as these chose them: text of others, to be written out where a terminal shows it. */
  names: string[]
}

/** What a group used, as far as the kernel tells. */
export interface Usage {
  cpuUserMs?: number
  cpuSystemMs?: number
  memoryBytes?: number
  memoryPeakBytes?: number
  memoryMaxBytes?: number
  /**
   * Of memoryBytes: files in tmpfs (/dev/shm) and shared memory (SysV, memfd). What of it is there when a session has ended stays,
   * and is charged to the instance until somebody removes it.
   */
  sharedBytes?: number
  swapPeakBytes?: number
  /** Processes that the kernel killed because memory ran out at this group's cap or at one above. */
  oomKills?: number
  /** How often it killed the group whole. */
  oomGroupKills?: number
  /** How often memory use was held back at memoryMax, and at memoryHigh. */
  memoryMaxHits?: number
  memoryHighHits?: number
  pids?: number
  pidsPeak?: number
  /** How often a fork was refused at pidsMax. */
  pidsMaxHits?: number
  ioReadBytes?: number
  ioWriteBytes?: number
}

/** A cap that holds for the gateway and not for its sessions, which are built outside of the cgroup that has it. */
export interface CapAround {
  name: LimitName
  /** Bytes, count or cores. */
  held: number
  /** The cgroup directory that has it. */
  path: string
}

/** A limit that was met. */
export interface LimitHit {
  kind: 'memory-limit' | 'memory-high' | 'pids-limit-hit'
  /** How often so far. */
  count: number
}

/** The limits that were met, by what a group used. */
export function hitsOf({ memoryMaxHits = 0, memoryHighHits = 0, pidsMaxHits = 0 }: Usage): LimitHit[] {
  const hits: LimitHit[] = [
    { kind: 'memory-limit', count: memoryMaxHits },
    { kind: 'memory-high', count: memoryHighHits },
    { kind: 'pids-limit-hit', count: pidsMaxHits },
  ]
  return hits.filter(({ count }) => count > 0)
}

/** That processes of a group were held up: at least one of them for `stalledMs` within `windowMs` (psi.rst). */
export interface Pressure {
  resource: 'memory'
  stalledMs: number
  windowMs: number
}

/** That the kernel killed a group because memory ran out, and where. */
export interface OutOfMemory {
  /** Whose cap it was: an `ancestor` is a cgroup above the instance. */
  of: 'session' | 'family' | 'instance' | 'ancestor' | 'machine'
  /** The directory that has the cap; absent for the machine. */
  path?: string
  /** The cap, in bytes. */
  memoryMax?: number
  /** What was found in use, in bytes, where it was not the kernel that found it but the watchdog. */
  usedBytes?: number
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

/** A directory beside instances that is not Corral's: never ended, never removed. */
export interface ForeignDirectory {
  path: string
  /** How that is known. */
  why: string
}

export interface SweepReport {
  /** Collected, or with dryRun: to be collected. */
  collected: SweptInstance[]
  /** Instances whose owner lives. */
  live: string[]
  /** Instances whose owner is dead and which its guard or another sweep collects, where there are any. */
  ending?: string[]
  /** Dead, but not to be collected by us. */
  failed: { instance: string; path: string; error: Error }[]
  /** What lies there and is not Corral's, where there is any: it is left as it is. */
  foreign?: ForeignDirectory[]
}
