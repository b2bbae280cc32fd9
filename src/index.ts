// The public API of corral, and nothing else.

export type { Enforcement } from './backend/backend.js'
export type {
  AppliedLimit,
  BackendChoice,
  BackendName,
  CapAround,
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
} from './backend/facts.js'
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
export type { LeftSegments, SharedSegment } from './linux/shared-memory.js'
export { openCorral } from './open.js'
export type { Corral, WrappedCommand } from './session/corral.js'
export type { CorralEvents } from './session/events.js'
export { MAX_KEY_BYTES } from './session/key.js'
export type {
  CloseOptions,
  LedgerOptions,
  Mode,
  OpenOptions,
  ProcessOptions,
  ResetOptions,
  SessionOptions,
  SpawnOptions,
  Stdio,
  StdioEntry,
  SweepOptions,
} from './session/options.js'
export type { ContainedProcess, ExitStatus, ProcessWith } from './session/process.js'
export type { SessionReport } from './session/report.js'
export type { AnySession, Receipt, Session, SessionEvents, SessionState } from './session/session.js'
export type { SessionNode } from './session/tree.js'
