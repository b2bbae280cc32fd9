// Every error that Corral throws: a class to catch, a stable `code` to compare, what was
// tried, the kernel's answer, and what to do next.
import { getSystemErrorName } from 'node:util'
import { limitHint } from './resource-limits.js'
import { printable } from './text.js'

/** What an error knows beside its message. */
export interface ErrorDetails {
  /** Negative errno, as in Node's own system errors. */
  errno?: number | undefined
  /** The file or directory that was refused. */
  path?: string | undefined
  /** The system call or step that was refused. */
  syscall?: string | undefined
  /** What to do about it, in one sentence. */
  hint?: string | undefined
  cause?: unknown
}

/**
 * The base class of all errors of Corral. The message says what was expected, what was found, and what to do.
 * @hideconstructor
 */
export class CorralError extends Error {
  /** Stable: docs/errors.md lists all codes. */
  readonly code: string
  /** Negative errno, as in Node's own system errors. */
  readonly errno?: number
  /** The errno's name, such as `ENOENT`. */
  readonly systemCode?: string
  /** The file or directory that was refused. */
  readonly path?: string
  /** The system call or step that was refused. */
  readonly syscall?: string
  /** What to do about it, in one sentence. The message has it too. */
  readonly hint?: string

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    // For people to read, in a terminal too, with keys and names of processes in it: path and the like have these as they are
    super(printable(details.hint ? `${message}. ${details.hint}` : message), { cause: details.cause })
    this.name = new.target.name
    this.code = code
    if (details.errno !== undefined) {
      this.errno = details.errno
      this.systemCode = getSystemErrorName(details.errno)
    }
    if (details.path !== undefined) this.path = details.path
    if (details.syscall !== undefined) this.syscall = details.syscall
    if (details.hint !== undefined) this.hint = details.hint
  }
}

/** An argument of the wrong type, or out of its range: `CORRAL_INVALID_ARGUMENT`. @hideconstructor */
export class InvalidArgumentError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_INVALID_ARGUMENT', message, details)
  }
}

/** A session key that is empty, too long or not text: `CORRAL_INVALID_KEY`. @hideconstructor */
export class InvalidKeyError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_INVALID_KEY', message, details)
  }
}

/** A limit that cannot be parsed, or limits that contradict each other: `CORRAL_INVALID_LIMIT`. @hideconstructor */
export class InvalidLimitError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_INVALID_LIMIT', message, details)
  }
}

/** A limit that nothing on this host can enforce: `CORRAL_LIMIT_UNSUPPORTED`. Nothing was started. @hideconstructor */
export class LimitUnsupportedError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_LIMIT_UNSUPPORTED', message, details)
  }
}

/** Not Linux, a CPU without an addon, or no /proc of this pid namespace: `CORRAL_UNSUPPORTED_PLATFORM`. @hideconstructor */
export class UnsupportedPlatformError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_UNSUPPORTED_PLATFORM', message, details)
  }
}

/** The native addon cannot be loaded: `CORRAL_NATIVE_MISSING`. @hideconstructor */
export class NativeMissingError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_NATIVE_MISSING', message, details)
  }
}

/** The native addon is of another version than the package: `CORRAL_NATIVE_MISMATCH`. @hideconstructor */
export class NativeMismatchError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_NATIVE_MISMATCH', message, details)
  }
}

/** No cgroup to build in was found, or the given one is not usable: `CORRAL_NO_ROOT`. @hideconstructor */
export class RootError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_NO_ROOT', message, details)
  }
}

/** A session with this key lives, or is still being closed: `CORRAL_KEY_LIVE`. @hideconstructor */
export class KeyLiveError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_KEY_LIVE', message, details)
  }
}

/** The session, its family or the whole instance is being closed: `CORRAL_CLOSING`. @hideconstructor */
export class ClosingError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_CLOSING', message, details)
  }
}

/** The command could not be started: `CORRAL_SPAWN_FAILED`. Nothing is left of the attempt. @hideconstructor */
export class SpawnError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_SPAWN_FAILED', message, details)
  }
}

/** The guard could not be started; without it sessions would outlive the gateway: `CORRAL_NO_GUARD`. @hideconstructor */
export class GuardError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_NO_GUARD', message, details)
  }
}

/** The kernel refused a step: `CORRAL_KERNEL_REFUSED`. @hideconstructor */
export class KernelError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_KERNEL_REFUSED', message, details)
  }
}

/** A configuration file that cannot be parsed, or not changed without loss; it was left as it is: `CORRAL_BAD_CONFIG`. @hideconstructor */
export class ConfigError extends CorralError {
  constructor(message: string, details?: ErrorDetails) {
    super('CORRAL_BAD_CONFIG', message, details)
  }
}

export interface StuckProcess {
  pid: number
  name: string
  /** The state letter of proc_pid_stat(5), such as `D` for uninterruptible sleep. `?`: it cannot be read. */
  state: string
}

/**
 * A process outlived SIGKILL for the whole of killTimeoutMs, or the kernel refused a step of the ending: `CORRAL_STUCK`.
 * The session's directory is left.
 * @hideconstructor
 */
export class StuckError extends CorralError {
  readonly processes: StuckProcess[]

  constructor(message: string, processes: StuckProcess[], details?: ErrorDetails) {
    super('CORRAL_STUCK', message, details)
    this.processes = processes
  }
}

/** An error with an errno: Node's own, the addon's, and ours. */
export interface SystemError extends Error {
  errno: number
  syscall?: string
  path?: string
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && typeof (error as Partial<SystemError>).errno === 'number'
}

/** The errno's name (`ENOENT`) of an error of Node's, of the addon's or of ours; `undefined` for all others. */
export function systemCodeOf(error: unknown): string | undefined {
  return isSystemError(error) ? getSystemErrorName(error.errno) : undefined
}

/** On cgroupfs, ENOENT and ENODEV both mean that the cgroup is gone. */
export function isGone(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ENOENT' || code === 'ENODEV'
}

/** A KernelError that says what was being done and what the kernel answered. Errors without an errno are returned as they are. */
export function explained(what: string, error: unknown, hint?: string): unknown {
  if (error instanceof CorralError || !isSystemError(error)) return error
  return failure(KernelError, what, error, hint)
}

/** An error of that class for what failed: what was being done, why it failed, and the details of a system call that did. */
export function failure<Failure extends CorralError>(
  Type: new (message: string, details: ErrorDetails) => Failure,
  what: string,
  cause: unknown,
  hint?: string,
): Failure {
  return new Type(`${what}: ${(cause as Error).message}`, systemDetails(cause, hint))
}

/** The details of a failed system call, for an error of ours. */
export function systemDetails(error: unknown, hint?: string): ErrorDetails {
  if (!isSystemError(error)) return { cause: error, hint }
  const { errno, syscall, path } = error
  return { errno, syscall, path, hint: limitHint(errno) ?? hint, cause: error }
}
