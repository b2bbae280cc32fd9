// The public API of corral, and nothing else.
export type {
  AppliedLimit,
  BackendName,
  CapAround,
  Enforcement,
  ForeignDirectory,
  GuardEvent,
  GuardStatus,
  Killed,
  LimitHit,
  MovedProcess,
  OutOfMemory,
  Pressure,
  RaisedLimit,
  SweepReport,
  SweptInstance,
  Usage,
} from './backend/backend.js'
export type { LimitName, Limits, Size } from './backend/limits.js'
export {
  ClosingError,
  ConfigError,
  CorralError,
  type ErrorDetails,
  GuardError,
  InvalidArgumentError,
  InvalidKeyError,
  InvalidLimitError,
  KernelError,
  KeyLiveError,
  LimitUnsupportedError,
  NativeMismatchError,
  NativeMissingError,
  RootError,
  SpawnError,
  StuckError,
  type StuckProcess,
  UnsupportedPlatformError,
} from './common/errors.js'
export type { Logger } from './common/log.js'
export type { Reason, SessionReason } from './common/reasons.js'
export type { Corral, WrappedCommand } from './corral.js'
export type { SessionNode } from './family.js'
export { MAX_KEY_BYTES } from './key.js'
export type { CorralEvents } from './news.js'
export { openCorral } from './open.js'
export type {
  BackendChoice,
  CloseOptions,
  Mode,
  OpenOptions,
  ProcessOptions,
  ResetOptions,
  SessionOptions,
  SpawnOptions,
  Stdio,
  StdioEntry,
  SweepOptions,
} from './options.js'
export type { ContainedProcess, ExitStatus } from './process.js'
export type { SessionReport } from './report.js'
export type { AnySession, Receipt, Session, SessionEvents, SessionState } from './session.js'
