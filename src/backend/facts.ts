// What mechanisms tell of sessions and instances: limits, use, endings, sweeps. Values only, as they stand in receipts and reports.
import type { LimitName } from './limits.js'

/** `passthrough` holds nothing: plain child processes, where there is no other. */
export type BackendName = 'cgroup' | 'subreaper' | 'passthrough'

/** `auto`: cgroups where there is one to build in, else a subreaper. */
export type BackendChoice = 'auto' | BackendName

export type HoldingChoice = Exclude<BackendChoice, 'passthrough'>

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

/** A limit that the kernel held less strictly at the end than the gateway had set it. */
export interface RaisedLimit {
  name: LimitName
  /** Bytes, count or cores, as the gateway set it last. */
  set: number
  /** What the kernel held instead; null: nothing. */
  held: number | null
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

/** Processes that had to be killed. */
export interface Killed {
  count: number
  /** Command names of the first 16 of them, as these chose them: text of others, to be written out where a terminal shows it. */
  names: string[]
}

/** A process of the session that was found outside of it, where systemd, a container runtime or another had moved it. */
export interface MovedProcess {
  pid: number
  /** Its command name. */
  name: string
  /** The cgroup where it was, as /proc/PID/cgroup tells it; '' where that could not be read. */
  cgroup: string
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

export interface Left {
  path: string
  pids: number[]
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
