// Loads the addon and types it. Nothing else in src/ knows that there is one.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { NativeMissingError, UnsupportedPlatformError } from './errors.js'

/** A child's descriptor: one of the caller's, /dev/null, a UNIX socket pair, or a pipe(2) the child reads or writes. */
export type NativeStdio = number | 'ignore' | 'socket' | 'pipe-in' | 'pipe-out'

export interface NativeSpawnPlan {
  /** What to do first; all of it is undone when it, or the spawn, fails. A flat list of `step`s. */
  make?: string[]
  /** Directory of the cgroup to be born in; absent: the caller's own. */
  group?: string
  command: string
  argv: string[]
  /** `NAME=value` strings; absent: the caller's environment. */
  env?: string[] | undefined
  cwd?: string | undefined
  stdio: NativeStdio[]
  detached?: boolean | undefined
  uid?: number | undefined
  gid?: number | undefined
  /** Go the way of kernels and seccomp filters that refuse clone3. */
  noClone3?: boolean
}

export interface NativeSpawned {
  pid: number
  /** Owned by the caller from here on, as are `fds`. */
  pidfd: number
  /** The caller's end of each socket or pipe, -1 elsewhere. */
  fds: number[]
  /** False where the child had to move itself into its group before exec (no CLONE_INTO_CGROUP). */
  createdInPlace: boolean
}

export interface NativeExit {
  /** -1 when a signal ended it. */
  code: number
  /** 0 when it exited by itself. */
  signal: number
}

export interface NativeEndPlan {
  graceMs: number
  killMs: number
  /** Kill as on kernels without cgroup.kill. */
  freeze: boolean
}

export interface NativeEnded {
  empty: boolean
  /** Processes alive when the killing began. */
  killed: number
  /** The names of the first of them. */
  names: string[]
  /** How many times the whole group was told to die. */
  rounds: number
  /** Who is left, when not empty. */
  left: number[]
}

/** A process that is being started. */
export interface NativeSpawning {
  started: Promise<NativeSpawned>
  /** Settles when the process has ended and is reaped. Does not keep the event loop alive. */
  exited: Promise<NativeExit>
}

/**
 * The steps in the making of a group. The addon takes them as a flat list, four strings each: kind, path, value, name.
 * A `shared` directory may exist already. A `write` is refused with ERANGE when the kernel then holds more than it was
 * asked to. A `label` is an extended attribute.
 */
export const step = {
  newDirectory: (path: string) => ['new', path, '', ''],
  sharedDirectory: (path: string) => ['shared', path, '', ''],
  write: (path: string, value: string) => ['write', path, value, ''],
  label: (path: string, name: string, value: string) => ['label', path, value, name],
}

/** All failures are Errors with `errno`, `syscall` and, where there is one, `path`. */
export interface Native {
  spawn(plan: NativeSpawnPlan): NativeSpawning
  endGroup(path: string, plan: NativeEndPlan): Promise<NativeEnded>
  removeGroup(path: string, boundMs: number): Promise<void>
  members(path: string): number[]
  /** The descriptor that holds the lock, or `undefined` while somebody else holds it. */
  lock(directory: string): number | undefined
  close(fd: number): void
  /** False when the process has ended. */
  signal(pidfd: number, signal: number): boolean
  setLabel(directory: string, name: string, value: string): void
  getLabel(directory: string, name: string): string | undefined
  /** Counted; the event loop stays alive while there is one more hold() than release(). */
  hold(): void
  release(): void
}

const packageRoot = fileURLToPath(new URL('..', import.meta.url))
let loaded: Native | undefined

/**
 * The addon, loaded at the first call.
 * @throws UnsupportedPlatformError anywhere but on Linux, x64 or arm64.
 * @throws NativeMissingError when there is no addon for this Node, with what to run.
 */
export function loadNative(): Native {
  loaded ??= load()
  return loaded
}

function load(): Native {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64'))
    throw new UnsupportedPlatformError(
      `corral holds sessions on Linux (x64, arm64), not on ${process.platform} ${process.arch}`,
      { hint: 'The package can be imported here, but no session can be opened' },
    )
  try {
    const require = createRequire(import.meta.url)
    const other = process.env['CORRAL_ADDON'] // the path of another build of it: one with sanitizers
    if (other !== undefined) return require(other) as Native
    const bindings = require('bindings') as (options: object) => Native
    return bindings({ bindings: 'corral', module_root: packageRoot })
  } catch (cause) {
    throw new NativeMissingError(`the native addon of corral cannot be loaded from ${packageRoot}`, {
      hint: 'Run `npm rebuild corral` (it needs a C and C++ compiler and CMake, or node-gyp)',
      cause,
    })
  }
}
