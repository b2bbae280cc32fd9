// What `corral run` has the warden do: one block, of which native/warden/run_plan.h has the order.
import { type NativeGroup, type NativeProcessPlan, packPlan } from '../native/plan.js'
import type { Enforcement } from './backend.js'
import type { LedgerPlan } from './ledger.js'
import type { LimitName, ParsedLimits } from './limits.js'

// Bound on killing, before it is said what lives on.
const KILL_MS = 10_000

/** What `corral run` becomes. */
export interface Launch {
  /** Of packRun(). */
  block: string
  /** The limits that nothing enforces. */
  unheld: readonly LimitName[]
}

export interface RunPlan {
  limits: ParsedLimits
  enforcement: Enforcement
  /** What people call a limit. */
  nameOf: (limit: LimitName) => string
  graceMs: number
  drainMs: number
  timeoutMs: number | undefined
  startTimeoutMs: number
  /** Whether to end with 128 + N instead of by the signal that ended the command. */
  status128: boolean
  /** Whether to say at the end what the session used. */
  summary: boolean
  /** From the eldest parent down to its own. */
  keys: string[]
  /** The beginning of the command line, and the program's name, for people. */
  command: string
  program: string
  ledger: LedgerPlan | undefined
  process: NativeProcessPlan
}

/** What is the mechanism's. */
export interface Holding {
  /** Letters of what it does otherwise. */
  flags: string
  /** Bytes at which all is ended where the kernel holds no cap. */
  watchedMemory?: number | undefined
  /** Where it is a cgroup. */
  root?: string
  instance?: string
  group?: NativeGroup
  /** What is shown of it: the owner's command line, or the labels of a reaper's session. */
  shown: string
  /** The words of the line in a ledger, of a reaper's session. */
  record?: string | undefined
}

/** Of limits that no controller holds, those that nothing does: a watchdog sees to memoryMax. */
export const unwatched = (limits: readonly LimitName[]) => limits.filter((name) => name !== 'memoryMax')

export function packRun(
  plan: RunPlan,
  { flags, watchedMemory, root, instance, group, shown, record }: Holding,
): string {
  const fields = [
    flags + (plan.status128 ? 's' : '') + (plan.ledger?.args ? 'l' : '') + (plan.summary ? 'u' : ''),
    plan.graceMs,
    plan.drainMs,
    KILL_MS,
    plan.startTimeoutMs,
    plan.timeoutMs ?? 0,
    watchedMemory ?? 0,
    root ?? '',
    instance ?? '',
    shown,
    plan.ledger?.path ?? '',
    record ?? '',
  ]
  return `${fields.join('\0')}\0${packPlan(plan.process, group)}`
}
