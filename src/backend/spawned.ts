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
   * After that: reads into memory what was written and not yet read. Returns a promise for each stream that was opened,
   * which settles when the stream is closed, or read whole.
   */
  keepUnread(): Promise<void>[]
  /** Whether nothing more can come in streams that were not opened. */
  isWhole(): boolean
  /** No process of the session lives, so none writes any more: reads the rest into memory. */
  sessionOver(): void
}
