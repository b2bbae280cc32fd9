// A process that a mechanism starts: how it is asked for, and how it is reached while it runs.
import type { Socket } from 'node:net'
import type { NativeExit } from '../native/addon.js'
import type { NativeStdio } from '../native/plan.js'

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
