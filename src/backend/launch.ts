// What `corral run` has the warden do: its plan, and the words of it that all mechanisms share.
import type { Enforcement } from './backend.js'
import type { LedgerPlan } from './ledger.js'
import type { ParsedLimits } from './limits.js'

export interface RunPlan {
  limits: ParsedLimits
  enforcement: Enforcement
  graceMs: number
  drainMs: number
  timeoutMs: number | undefined
  startTimeoutMs: number
  /** From the eldest parent down to its own. */
  keys: string[]
  /** The command line, for people. */
  command: string
  /** The command's name alone. */
  program: string
  ledger: LedgerPlan | undefined
}

export const boundWords = ({ graceMs, drainMs, timeoutMs, startTimeoutMs }: RunPlan): string[] => [
  ...(timeoutMs === undefined ? [] : ['--timeout', String(timeoutMs)]),
  '--grace',
  String(graceMs),
  '--drain',
  String(drainMs),
  '--start-timeout',
  String(startTimeoutMs),
]
