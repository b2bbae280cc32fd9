// What is seen and done from outside: the instances and sessions of this user, or of all users, of any owner. The contract that
// a mechanism fulfils for `corral ls`, `ps`, `exec`, `wait`, `kill`, `set` and `sweep`, which have no instance of their own.
import type {
  AppliedLimit,
  BackendName,
  ForeignDirectory,
  SweepOptions,
  SweepReport,
  Usage,
} from './facts.js'
import type { Ledger } from './ledger.js'
import type { LimitChanges } from './limits.js'

export interface Outside {
  /** The directory in which its instances are looked for; undefined where they have none. */
  readonly root: string | undefined
  list(detail: Detail): Promise<InstanceView[]>
  /** What is neither listed nor touched. */
  strangers(): Promise<Strangers>
  /**
   * Ends a session that the last list() gave, and waits until it is empty. Its owner, if it lives, is told why. Gives how many
   * processes had to be killed; undefined: it was over before.
   * @throws StuckError, KernelError
   */
  kill(found: FoundSession, graceMs: number): Promise<number | undefined>
  /**
   * Changes limits of one, or with `family` of all that is below its key: all of them or none. Absent where only the owner can.
   * @throws LimitUnsupportedError, KernelError
   */
  setLimits?(found: FoundSession, changes: LimitChanges, over: { family: boolean }): Promise<LimitsAt>
  /** The pids of its processes at this moment; none where it is over. */
  members(found: FoundSession): Promise<number[]>
  /** What holds of its limits. */
  limits(found: FoundSession): Promise<HeldLimit[]>
  /** Calls back whenever sessions may have come, until it is stopped. What comes is to be looked for then; it keeps no process alive. */
  watch(changed: () => void): () => void
  /** Waits until it is over, by what is opened of it at the call: no later one of its name is taken for it. */
  over(found: FoundSession): Promise<void>
  /**
   * The words by which corral-warden enters it, before those of the command.
   * @throws KernelError where it is over. Whether this user may, the kernel says to the warden.
   */
  entry(found: FoundSession): Promise<string[]>
  /** Ends what dead instances left; the ledger gets a line for each of their sessions. Never touches one whose owner lives. */
  sweep(options: SweepOptions, ledger?: Ledger): Promise<SweepReport>
}

/** What list() reads of each session: all that is known, what changes from moment to moment, or nothing but that it is there. */
export type Detail = 'all' | 'gauges' | 'none'

export interface FoundSession {
  instance: string
  /** Whether the instance's owner lives. */
  alive: boolean
  session: SessionView
}

/** A limit as the kernel, or who else sees to it, has it. */
export type HeldLimit = Omit<AppliedLimit, 'requested'>

export interface LimitsAt {
  /** The directory that has them. */
  path: string
  limits: AppliedLimit[]
}

export interface Strangers {
  /** Directories beside the instances that are not Corral's. */
  foreign: ForeignDirectory[]
  /** Sessions held by other versions, whose protocol is unknown here. */
  unspoken: ForeignDirectory[]
  /** How many sessions are another user's, of whom no more than that is known. */
  barred: number
}

export interface InstanceView {
  backend: BackendName
  instance: string
  path: string
  /** Whether its owner lives, who holds its lock. */
  alive: boolean
  /** Of the owner, as it wrote them down itself. */
  pid: number | undefined
  command: string | undefined
  sessions: SessionView[]
  /** Processes in its directories that are in none of the sessions: some moved themselves there. Absent where there are none. */
  outside?: number
}

export interface SessionView {
  /** `undefined` when the directory is not one that Corral would have made. */
  key: string | undefined
  /** The family's directory, or /proc/PID of the reaper. */
  path: string
  /** Absent where the key is only a parent. */
  group?: GroupView
  children: SessionView[]
}

export interface GroupView {
  path: string
  mode: string | undefined
  command: string | undefined
  /** Milliseconds since the epoch. */
  startedAt: number
  processes: number
  usage: Usage
}
