// What mechanisms tell of sessions and instances: limits, use, endings, sweeps. Values only, as they stand in receipts and reports.
import type { LimitName } from './limits.js'

/** `passthrough` holds nothing: sessions are plain child processes. */
export type BackendName = 'cgroup' | 'subreaper' | 'passthrough'

/** `auto`: cgroups where one is usable, else a subreaper. */
export type BackendChoice = 'auto' | BackendName

export type HoldingChoice = Exclude<BackendChoice, 'passthrough'>

/** One limit, as asked for and as the kernel says that it is. */
export interface AppliedLimit {
  name: LimitName
  /** Bytes, count or cores. */
  requested: number
  /** Read back from the kernel; `null` where nothing enforces it. */
  applied: number | null
  /**
   * `cgroup-v1`: also the kernel, in the older hierarchy: when memory runs out it kills one process, and Corral the
   * others. `watchdog`: not the kernel; Corral polls, and kills a session that it finds above the limit.
   */
  enforcedBy: 'cgroup' | 'cgroup-v1' | 'watchdog' | 'none'
  /**
   * The effective limit: the smallest from the session to the top, its family's, the instance's and the
   * machine's included. `null` where nothing bounds it.
   */
  effective: number | null
}

/** A limit that was less strict at the end than the gateway had set it. */
export interface RaisedLimit {
  name: LimitName
  /** Bytes, count or cores, as the gateway set it last. */
  set: number
  /** What the kernel held instead; null: nothing. */
  held: number | null
}

/** A cap that bounds the gateway and not its sessions, which are outside of the cgroup that has it. */
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

/** At least one process of a group waited for memory for `stalledMs` within `windowMs` (psi.rst). */
export interface Pressure {
  resource: 'memory'
  stalledMs: number
  windowMs: number
}

/** The cap at which the kernel killed a group because memory ran out. */
export interface OutOfMemory {
  /** Whose cap it was: an `ancestor` is a cgroup above the instance. */
  of: 'session' | 'family' | 'instance' | 'ancestor' | 'machine'
  /** The directory that has the cap; absent for the machine. */
  path?: string
  /** The cap, in bytes. */
  memoryMax?: number
  /** The use in bytes that the watchdog found. Absent where the kernel enforces the cap. */
  usedBytes?: number
}

/** What a group used, as far as the kernel counts it. */
export interface Usage {
  cpuUserMs?: number
  cpuSystemMs?: number
  memoryBytes?: number
  memoryPeakBytes?: number
  memoryMaxBytes?: number
  /**
   * The part of memoryBytes in files of tmpfs (/dev/shm) and in shared memory (SysV, memfd). What is left when a session ends stays,
   * charged to the instance, until it is removed.
   */
  sharedBytes?: number
  swapPeakBytes?: number
  /** Processes that the kernel killed because memory ran out at this group's cap or at one above. */
  oomKills?: number
  /** How often the kernel killed the whole group. */
  oomGroupKills?: number
  /** How often memory use was stopped at memoryMax, and throttled at memoryHigh. */
  memoryMaxHits?: number
  memoryHighHits?: number
  pids?: number
  pidsPeak?: number
  /** How often a fork was refused at pidsMax. */
  pidsMaxHits?: number
  ioReadBytes?: number
  ioWriteBytes?: number
}

/** Processes that had to be killed. */
export interface Killed {
  count: number
  /** Command names of the first 16. Processes choose their own names: escape them before a terminal shows them. */
  names: string[]
}

/** A process of the session that was found outside of its cgroup, where systemd, a container runtime or another program had moved it. */
export interface MovedProcess {
  pid: number
  /** Its command name. */
  name: string
  /** The cgroup where it was, as /proc/PID/cgroup tells it; '' where that could not be read. */
  cgroup: string
}

/** The cgroup that tells what a session has used. */
export interface Account {
  group: string
  /** The same in the v1 memory hierarchy. */
  memoryGroup?: string | undefined
}

export interface Ended {
  /** False: `left` outlived SIGKILL for killTimeoutMs. */
  empty: boolean
  killed: Killed
  left: number[]
  /** What the group used in all; known to the call that found it empty. */
  usage: Usage
  /** Where a ledger can read what was used, up to remove(). Absent where it was not kept, or `usage` tells all. */
  account?: Account
  /** What may have got away, in words. */
  notHeld?: readonly string[]
  /** The first 16 that others had moved out of the group, and that were ended there. */
  moved?: MovedProcess[]
  /** Limits of the session that others than the gateway had raised. */
  limitsRaised?: RaisedLimit[]
}

export interface GuardStatus {
  /** Whether one is running now. */
  alive: boolean
  /** How many have died; each was replaced. */
  deaths: number
}

/** What became of the guard. */
export type GuardEvent =
  | { event: 'died'; deaths: number }
  | { event: 'restarted'; deaths: number }
  | { event: 'failed'; deaths: number; error: Error }

export interface Left {
  path: string
  pids: number[]
}

export interface SweepOptions {
  /** Only report what would be collected. */
  dryRun: boolean
}

export interface SweptInstance {
  instance: string
  path: string
  sessions: number
  processes: number
}

/** A directory beside instances that is not Corral's. It is never touched. */
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
  /** Dead instances that their guard or another sweep is collecting. Absent where there are none. */
  ending?: string[]
  /** Dead instances that could not be collected. */
  failed: { instance: string; path: string; error: Error }[]
  /** Directories that are not Corral's, left as they are. Absent where there are none. */
  foreign?: ForeignDirectory[]
}
