// The options of openCorral() and spawn(), checked once and turned into types that cannot be wrong.
import path from 'node:path'
import type { Stream } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Enforcement } from '../backend/backend.js'
import type { BackendChoice, HoldingChoice } from '../backend/facts.js'
import type { LedgerPlan } from '../backend/ledger.js'
import { hostMemory, type Limits, type ParsedLimits, parseLimits } from '../backend/limits.js'
import type { ProcessPlan } from '../backend/spawned.js'
import { LONGEST_MS } from '../common/clock.js'
import { InvalidArgumentError } from '../common/errors.js'
import { LOG_LEVELS, type Logger, type LogLevel } from '../common/log.js'
import { quote } from '../common/quote.js'
import type { Reason } from '../common/reasons.js'
import { isRecord } from '../common/record.js'
import { parseSignal } from '../common/signals.js'
import type { NativeStdio } from '../native/plan.js'
import { parseKey } from './key.js'
import { isOfProcess } from './own-environment.js'

export interface OpenOptions {
  /**
   * The mechanism that holds the sessions. Default `auto`: cgroups where one is usable, else a subreaper for each session.
   * With `root`, `auto` means cgroups. `passthrough` starts plain child processes, which nothing holds: for tests.
   */
  backend?: BackendChoice | undefined
  /**
   * What to do on systems other than Linux, where nothing can hold sessions: reject with UnsupportedPlatformError (`reject`,
   * the default), or start plain child processes (`passthrough`), whose receipts say what is not held. `backend` and `root`
   * then have no effect. On Linux this option has no effect.
   */
  unsupported?: 'reject' | 'passthrough' | undefined
  /** The cgroup2 directory to build sessions under. Default: the first usable one that is found; `corral doctor` lists the search. */
  root?: string | undefined
  /**
   * Whether to ask systemd for a scope where no cgroup is usable. systemd then moves this process out of its unit
   * or login session into the scope. Default true.
   */
  systemd?: boolean | undefined
  /** Default limits of each session. */
  defaults?: Limits | undefined
  /** Limits on all sessions of this instance together. */
  sessions?: Limits | undefined
  /** What to do where a limit cannot be enforced: reject (`required`, the default), or run without it (`best-effort`). */
  enforcement?: Enforcement | undefined
  /**
   * The grace period in ms: how long a closing session may take, from the end of its input (or, where Corral does not hold its
   * input, from stopSignal), until its remaining processes are killed. 0 kills at once. Default 2,000.
   */
  graceMs?: number | undefined
  /**
   * The first part of graceMs, in ms: how long the leader may take to exit after the end of its input. Then all processes get
   * stopSignal. 0: both at once. Default: a quarter of graceMs, at most 500.
   */
  inputGraceMs?: number | undefined
  /** The signal that asks processes to end. Default SIGTERM. */
  stopSignal?: NodeJS.Signals | number | undefined
  /**
   * How long the processes that the leader of a oneshot session leaves may take to end by themselves, in ms, such as a tee(1)
   * that still writes the last line. Processes that only wait are killed at once. 0 kills all at once. Default 1,000.
   */
  drainMs?: number | undefined
  /** How long to try killing before close() rejects with StuckError, in ms. Default 10,000. */
  killTimeoutMs?: number | undefined
  /**
   * How long a start may take until its exec, in ms. Then it is given up, and spawn() or session.spawn() rejects with a
   * SpawnError of ETIMEDOUT. A start hangs where its directory or its program is on a file system that does not answer.
   * Default 10,000.
   */
  startTimeoutMs?: number | undefined
  /**
   * For gateways that run as root, with cgroups: also marks processes of sessions by their login uid (audit(8)), which `su`,
   * `sudo` and `runuser` do not change, so that their processes end with the session. The audit trail then shows 2147483648 plus
   * the id of the session's cgroup in place of the user that logged in. Default false.
   */
  loginMark?: boolean | undefined
  /**
   * A file that gets one line of JSON for each session that ends, with what it used and how it ended: docs/ledger.md describes it. It is
   * made where there is none (0600), and has to be a regular file of this user. With `args` lines have the arguments of commands too, which
   * may hold secrets. No ending waits for it for long, or fails by it. Default: none.
   */
  ledger?: string | LedgerOptions | undefined
  /** Whether to collect dead instances when this one opens. Default true. */
  sweep?: boolean | undefined
  /**
   * An object with debug(), info(), warn() and error() that take the data first (pino, Fastify's logger, console), or a level from
   * which pino writes lines of JSON to stderr. Default: no log.
   */
  logger?: Logger | LogLevel | undefined
}

export interface LedgerOptions {
  /** The file. */
  path: string
  /** Whether lines have the arguments of commands. Default false. */
  args?: boolean | undefined
}

/** One descriptor of the child, as in child_process; `fifo` is a pipe(2) in place of a socket pair. */
export type StdioEntry = 'pipe' | 'fifo' | 'ignore' | 'inherit' | number | Stream | null | undefined
export type Stdio = 'pipe' | 'fifo' | 'ignore' | 'inherit' | readonly StdioEntry[]

export interface ProcessOptions {
  cwd?: string | URL | undefined
  /** The whole environment of the child. Default: the environment of the gateway. */
  env?: Record<string, string | undefined> | undefined
  argv0?: string | undefined
  /** Default `pipe`. */
  stdio?: Stdio | undefined
  uid?: number | undefined
  gid?: number | undefined
  /** Starts the child in a new session (setsid(2)). Default false. */
  detached?: boolean | undefined
}

/** `oneshot`: the session ends when its leader exits. `persistent`: it ends when it is closed. */
export type Mode = 'oneshot' | 'persistent'

/** The identity of a session, and its bounds. */
export interface SessionOptions {
  /** The session key: 1 to 4,096 bytes of text, unique among live sessions. Default: generated. */
  key?: string | undefined
  /** The key of the session that asked for this one. It need not be a session of Corral. */
  parentKey?: string | undefined
  /** Default `oneshot`. */
  mode?: Mode | undefined
  limits?: Limits | undefined
  /** Default: as the instance. */
  graceMs?: number | undefined
  /** Default: as the instance. */
  inputGraceMs?: number | undefined
  /** Default: as the instance. */
  stopSignal?: NodeJS.Signals | number | undefined
  /** Default: as the instance. */
  drainMs?: number | undefined
  /** How long the session may live, in ms. Then it is closed with its grace period and the reason `timeout`. Default: no bound. */
  timeoutMs?: number | undefined
  /** Aborting it closes the session. */
  signal?: AbortSignal | undefined
}

export interface SpawnOptions extends SessionOptions, ProcessOptions {
  /** The program. A name without a slash is looked up in the PATH of `env`. */
  command: string
  args?: readonly string[] | undefined
}

export interface OpenPlan {
  backend: BackendChoice
  unsupported: 'reject' | 'passthrough'
  root: string | undefined
  systemd: boolean
  defaults: ParsedLimits
  sessions: ParsedLimits
  enforcement: Enforcement
  graceMs: number
  inputGraceMs: number | undefined
  stopSignal: number
  drainMs: number
  killTimeoutMs: number
  startTimeoutMs: number
  loginMark: boolean
  ledger: LedgerPlan | undefined
  sweep: boolean
  logger: Logger | LogLevel | undefined
  /** The memory of which a limit of '25%' is a share, in bytes. */
  machineMemory: () => number
}

export interface SessionPlan {
  key: string
  parentKey: string | undefined
  mode: Mode
  limits: ParsedLimits
  graceMs: number
  inputGraceMs: number | undefined
  stopSignal: number
  drainMs: number
  timeoutMs: number | undefined
  signal: AbortSignal | undefined
}

export interface SpawnPlan extends SessionPlan {
  process: ProcessPlan
}

export interface WrapPlan extends SessionPlan {
  command: string
  args: string[]
}

const OPEN_OPTIONS = new Set([
  'backend',
  'unsupported',
  'root',
  'systemd',
  'defaults',
  'sessions',
  'enforcement',
  'graceMs',
  'inputGraceMs',
  'stopSignal',
  'drainMs',
  'killTimeoutMs',
  'startTimeoutMs',
  'loginMark',
  'ledger',
  'sweep',
  'logger',
])
const FILE = 'the path of a file'
const LEDGER_OPTIONS = new Set(['path', 'args'])
const PROCESS_OPTIONS = new Set(['cwd', 'env', 'argv0', 'stdio', 'uid', 'gid', 'detached'])
const SESSION_OPTIONS = new Set([
  'key',
  'parentKey',
  'mode',
  'limits',
  'graceMs',
  'inputGraceMs',
  'stopSignal',
  'drainMs',
  'timeoutMs',
  'signal',
])
const SPAWN_OPTIONS = new Set([...SESSION_OPTIONS, ...PROCESS_OPTIONS, 'command', 'args'])
const THREE_PIPES: readonly NativeStdio[] = ['socket', 'socket', 'socket']
const MODES: readonly Mode[] = ['oneshot', 'persistent']
const HOLDING: readonly HoldingChoice[] = ['auto', 'cgroup', 'subreaper']
const BACKENDS: readonly BackendChoice[] = [...HOLDING, 'passthrough']
const ENFORCEMENTS: readonly Enforcement[] = ['required', 'best-effort']
const MAX_DESCRIPTORS = 64
const START_TIMEOUT_MS = 10_000
const DRAIN_MS = 1000
const MAX_ID = 2 ** 32 - 2

/** `instead` has options of child_process that Corral does not have. */
export function assertOptions(
  value: unknown,
  where: string,
  allowed: ReadonlySet<string>,
  instead: Readonly<Record<string, Instead>> = {},
): void {
  if (!isRecord(value))
    throw new InvalidArgumentError(`${where}: expected an object of options, got ${quote(value)}`)
  for (const [name, given] of Object.entries(value)) {
    const known = Object.hasOwn(instead, name) ? instead[name] : undefined
    if (allowed.has(name) || known?.without.includes(given)) continue
    throw new InvalidArgumentError(`${where} has no option '${name}'`, {
      hint: known?.hint ?? `Known options: ${[...allowed].join(', ')}`,
    })
  }
}

/** An option of child_process that Corral does not have: the values that change nothing, and what to use instead. */
interface Instead {
  without: readonly unknown[]
  hint: string
}

const IPC_INSTEAD =
  'Use what corral.wrap() returns with child_process.spawn(), or talk to the process over its stdio'

const OF_SPAWN: Readonly<Record<string, Instead>> = {
  shell: {
    without: [undefined, false],
    hint: "Start the shell: command 'sh' with args ['-c', 'the command line']",
  },
  timeout: {
    without: [undefined, 0],
    hint: 'Use timeoutMs of corral.spawn(), which bounds how long a session may live',
  },
  killSignal: {
    without: [undefined, 'SIGTERM'],
    hint: 'Use stopSignal of corral.spawn(), which asks a session to end',
  },
  maxBuffer: {
    without: [undefined, Number.POSITIVE_INFINITY],
    hint: 'Count what you read, and close the session: output is not gathered',
  },
  encoding: { without: [undefined, null, 'buffer'], hint: 'Call setEncoding() of its stdout and stderr' },
  input: { without: [undefined], hint: 'Write the input to its stdin' },
  serialization: {
    without: [undefined, 'json'],
    hint: IPC_INSTEAD,
  },
  windowsHide: { without: [undefined, false, true], hint: 'Leave it out: windows are always hidden' },
  windowsVerbatimArguments: {
    without: [undefined, false],
    hint: 'Leave it out: arguments are passed unchanged',
  },
}
const OF_PROCESS: typeof OF_SPAWN = {
  ...OF_SPAWN,
  signal: { without: [undefined], hint: 'Call kill() of the process, or pass the signal to corral.spawn()' },
}

export function refuse(name: string, value: unknown, forms: string, hint?: string): never {
  throw new InvalidArgumentError(`Invalid ${name}: expected ${forms}, got ${quote(value)}`, { hint })
}

/** By its methods: a signal of another realm is not an instance of our AbortSignal. */
function parseAbortSignal(signal: unknown): AbortSignal {
  const given = Object(signal) as Partial<AbortSignal>
  const methods = [given.addEventListener, given.removeEventListener]
  if (typeof given.aborted !== 'boolean' || methods.some((method) => typeof method !== 'function'))
    refuse('signal', signal, 'an AbortSignal')
  return signal as AbortSignal
}

function parseText(name: string, value: unknown): string {
  if (typeof value !== 'string') refuse(name, value, 'a string')
  if (value.includes('\0'))
    throw new InvalidArgumentError(`Invalid ${name}: it contains a NUL, which system calls cannot take`)
  return value
}

const parseReason = (reason: unknown): Reason =>
  reason === ''
    ? refuse('reason', reason, 'a word or two that reports can tell')
    : parseText('reason', reason)

export function parseFlag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') refuse(name, value, 'true or false')
  return value
}

/** A time in ms. @throws InvalidArgumentError */
export function parseMilliseconds(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > LONGEST_MS)
    refuse(name, value, 'a number of milliseconds, 0 or more')
  return Math.ceil(value)
}

/** Undefined: derived from the grace period. @throws InvalidArgumentError */
function parseInputGrace(value: unknown): number | undefined {
  return value === undefined ? undefined : parseMilliseconds('inputGraceMs', value)
}

const parseStopSignal = (signal: unknown = 'SIGTERM') => parseSignal(signal, 1)

/** The options of close(). */
export interface CloseOptions {
  /** The reason that the report gives. Default `closed`. */
  reason?: Reason | undefined
  /** The grace period, in ms; 0 kills at once. Default: the session's. */
  graceMs?: number | undefined
  /** The part of graceMs, in ms, between the end of the leader's input and SIGTERM (stopSignal). Default: the session's. */
  inputGraceMs?: number | undefined
}

export interface ResetOptions extends CloseOptions {
  /** Also close the parent, if it is a session. Default false. */
  includeParent?: boolean | undefined
}

export interface SweepOptions {
  /** Only report what would be collected. Default false. */
  dryRun?: boolean | undefined
}

const CLOSE_OPTIONS = new Set(['reason', 'graceMs', 'inputGraceMs'])
const RESET_OPTIONS = new Set([...CLOSE_OPTIONS, 'includeParent'])

/** @throws InvalidArgumentError */
export function parseCloseOptions(
  options: CloseOptions,
  where: string,
  defaults: { reason: Reason; graceMs: number },
  allowed: ReadonlySet<string> = CLOSE_OPTIONS,
): ParsedClose {
  assertOptions(options, where, allowed)
  const { reason = defaults.reason, graceMs = defaults.graceMs, inputGraceMs } = options
  return {
    reason: parseReason(reason),
    graceMs: parseMilliseconds('graceMs', graceMs),
    inputGraceMs: parseInputGrace(inputGraceMs),
  }
}

export interface ParsedClose {
  reason: Reason
  graceMs: number
  /** Undefined: as the session, or derived from graceMs. */
  inputGraceMs: number | undefined
}

/** @throws InvalidArgumentError */
export function parseResetOptions(options: ResetOptions): { includeParent: boolean; close: ParsedClose } {
  const close = parseCloseOptions(
    options,
    'resetParent()',
    { reason: 'parent-reset', graceMs: 0 },
    RESET_OPTIONS,
  )
  return { includeParent: parseFlag('includeParent', options.includeParent ?? false), close }
}

/** @throws InvalidArgumentError */
export function parseSweepOptions(options: SweepOptions): { dryRun: boolean } {
  assertOptions(options, 'sweep()', new Set(['dryRun']))
  return { dryRun: parseFlag('dryRun', options.dryRun ?? false) }
}

/** As parseMilliseconds(), but more than 0. @throws InvalidArgumentError */
export function parseBound(name: string, value: unknown): number {
  const milliseconds = parseMilliseconds(name, value)
  return milliseconds > 0 ? milliseconds : refuse(name, value, 'a number of milliseconds, more than 0')
}

function parseChoice<Choice extends string>(
  name: string,
  value: unknown,
  choices: readonly Choice[],
): Choice {
  if ((choices as readonly unknown[]).includes(value)) return value as Choice
  refuse(name, value, choices.map((candidate) => `'${candidate}'`).join(' or '))
}

function parseId(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_ID)
    refuse(name, value, 'a numeric id')
  return value
}

function parseLogger(logger: unknown): Logger | LogLevel {
  if (LOG_LEVELS.includes(logger as LogLevel)) return logger as LogLevel
  const methods = logger as Partial<Record<string, unknown>> | null
  for (const method of LOG_LEVELS)
    if (typeof methods?.[method] !== 'function')
      refuse(
        'logger',
        logger,
        `a logger with debug(), info(), warn() and error(), such as pino's or console, or one of ${LOG_LEVELS.join(', ')}`,
      )
  return logger as Logger
}

function parseLedgerOption(value: unknown): LedgerPlan | undefined {
  if (value === undefined || typeof value === 'string') return parseLedger('ledger', value)
  if (typeof value !== 'object') refuse('ledger', value, `${FILE}, or an object with path and args`)
  assertOptions(value, 'ledger', LEDGER_OPTIONS)
  const { path: file, args = false } = value as { path?: unknown; args?: unknown }
  if (file === undefined) refuse('ledger.path', file, FILE)
  return parseLedger('ledger.path', file, parseFlag('ledger.args', args))
}

/** The path is relative to the directory that this process is in now. @throws InvalidArgumentError */
export function parseLedger(name: string, file: unknown, args = false): LedgerPlan | undefined {
  if (file === undefined) return undefined
  if (file === '') refuse(name, file, FILE)
  return { path: path.resolve(parseText(name, file)), args }
}

/** @throws InvalidArgumentError for an unknown backend, and for a root with a backend that has none. */
function parseBackend<Choice extends BackendChoice>(
  name: string,
  value: unknown,
  root: unknown,
  choices: readonly Choice[],
): Choice {
  const backend = parseChoice(name, value, choices)
  if (root !== undefined && (backend === 'subreaper' || backend === 'passthrough'))
    throw new InvalidArgumentError(`${name} '${backend}' cannot have a root`, {
      hint: `Leave root out, or use ${name} 'cgroup'`,
    })
  return backend
}

/** The backend of a command line option of that name. */
export function parseHolding(name: string, value: unknown, root: unknown): HoldingChoice {
  return parseBackend(name, value, root, HOLDING)
}

/** `memoryAt` gives the memory in bytes that sessions below a root can have (by default: below the root that is found). */
export function parseOpenOptions(
  options: OpenOptions = {},
  memoryAt: (root: string | undefined) => number = hostMemory,
): OpenPlan {
  assertOptions(options, 'openCorral()', OPEN_OPTIONS)
  const {
    backend = 'auto',
    root,
    defaults,
    sessions,
    enforcement = 'required',
    graceMs = 2000,
    drainMs = DRAIN_MS,
    killTimeoutMs = 10_000,
    startTimeoutMs = START_TIMEOUT_MS,
  } = options
  if (root === '') refuse('root', root, 'the path of a cgroup2 directory')
  const directory = root === undefined ? undefined : parseText('root', root)
  const machineMemory = () => memoryAt(directory)
  return {
    backend: parseBackend('backend', backend, root, BACKENDS),
    unsupported: parseChoice('unsupported', options.unsupported ?? 'reject', ['reject', 'passthrough']),
    root: directory,
    systemd: parseFlag('systemd', options.systemd ?? true),
    defaults: parseLimits(defaults, {}, machineMemory),
    sessions: parseLimits(sessions, {}, machineMemory),
    enforcement: parseChoice('enforcement', enforcement, ENFORCEMENTS),
    graceMs: parseMilliseconds('graceMs', graceMs),
    inputGraceMs: parseInputGrace(options.inputGraceMs),
    stopSignal: parseStopSignal(options.stopSignal),
    drainMs: parseMilliseconds('drainMs', drainMs),
    killTimeoutMs: parseMilliseconds('killTimeoutMs', killTimeoutMs),
    startTimeoutMs: parseBound('startTimeoutMs', startTimeoutMs),
    loginMark: parseFlag('loginMark', options.loginMark ?? false),
    ledger: parseLedgerOption(options.ledger),
    sweep: parseFlag('sweep', options.sweep ?? true),
    logger: options.logger === undefined ? undefined : parseLogger(options.logger),
    machineMemory,
  }
}

type Defaults = Pick<
  OpenPlan,
  'defaults' | 'graceMs' | 'inputGraceMs' | 'stopSignal' | 'drainMs' | 'machineMemory'
>

/** `unusedKey` is the session key where the options give none. */
export function parseSpawnOptions(options: SpawnOptions, defaults: Defaults, unusedKey: string): SpawnPlan {
  assertOptions(options, 'spawn()', SPAWN_OPTIONS, OF_SPAWN)
  return {
    ...parseSession(options, defaults, unusedKey),
    process: parseProcess(options.command, options.args, options),
  }
}

export function parseWrapOptions(
  command: unknown,
  args: unknown,
  options: SessionOptions,
  defaults: Defaults,
  unusedKey: string,
): WrapPlan {
  assertOptions(options, 'wrap()', SESSION_OPTIONS)
  return {
    ...parseSession(options, defaults, unusedKey),
    command: parseCommand(command),
    args: parseArguments(args ?? []),
  }
}

function parseSession(options: SessionOptions, defaults: Defaults, unusedKey: string): SessionPlan {
  const { signal, mode = 'oneshot', graceMs = defaults.graceMs, drainMs = defaults.drainMs } = options
  const key = options.key === undefined ? unusedKey : parseKey(options.key, 'key')
  const parentKey = options.parentKey === undefined ? undefined : parseKey(options.parentKey, 'parentKey')
  if (key === parentKey) throw new InvalidArgumentError(`'${key}' cannot be its own parent`)
  return {
    key,
    parentKey,
    mode: parseChoice('mode', mode, MODES),
    limits: parseLimits(options.limits, defaults.defaults, defaults.machineMemory),
    graceMs: parseMilliseconds('graceMs', graceMs),
    inputGraceMs: parseInputGrace(options.inputGraceMs) ?? defaults.inputGraceMs,
    stopSignal: options.stopSignal === undefined ? defaults.stopSignal : parseStopSignal(options.stopSignal),
    drainMs: parseMilliseconds('drainMs', drainMs),
    timeoutMs: options.timeoutMs === undefined ? undefined : parseBound('timeoutMs', options.timeoutMs),
    signal: signal === undefined ? undefined : parseAbortSignal(signal),
  }
}

export function parseProcessOptions(
  command: unknown,
  args: unknown,
  options: ProcessOptions = {},
): ProcessPlan {
  assertOptions(options, 'session.spawn()', PROCESS_OPTIONS, OF_PROCESS)
  return parseProcess(command, args, options)
}

function parseCommand(command: unknown): string {
  if (command === undefined || command === '')
    throw new InvalidArgumentError('no command to run was given', {
      hint: 'Pass the name or path of a program as command',
    })
  return parseText('command', command)
}

function parseProcess(command: unknown, args: unknown, options: ProcessOptions): ProcessPlan {
  const program = parseCommand(command)
  const { argv0, cwd, uid, gid, detached = false } = options
  const name = argv0 === undefined ? program : parseText('argv0', argv0)
  return {
    command: program,
    argv: args === undefined ? [name] : [name, ...parseArguments(args)],
    env: parseEnvironment(options.env),
    cwd: cwd === undefined ? undefined : parseDirectory(cwd),
    stdio: parseStdio(options.stdio),
    detached: parseFlag('detached', detached),
    uid: uid === undefined ? undefined : parseId('uid', uid),
    gid: gid === undefined ? undefined : parseId('gid', gid),
  }
}

/** A path, or the file URL of any realm. */
function parseDirectory(cwd: unknown): string {
  const href = typeof cwd === 'object' && cwd !== null ? (cwd as Partial<URL>).href : undefined
  if (typeof href !== 'string') return parseText('cwd', cwd)
  try {
    return parseText('cwd', fileURLToPath(href))
  } catch {
    refuse('cwd', href, "a path or a 'file:' URL")
  }
}

function parseArguments(args: unknown): string[] {
  if (!Array.isArray(args)) refuse('args', args, 'an array of strings')
  return args.map((argument, index) => parseText(`args[${index}]`, argument))
}

/** As in child_process, with inherited variables. Undefined: the environment of this process, unchanged. */
function parseEnvironment(env: unknown = process.env): string[] | undefined {
  if (!isRecord(env)) refuse('env', env, 'an object of strings')
  if (isOfProcess(env)) return undefined
  const entries: string[] = []
  for (const name in env) {
    const value = env[name]
    if (value === undefined) continue
    const entry = `${name}=${String(value)}`
    if (entry.includes('\0'))
      throw new InvalidArgumentError(`Invalid env.${name}: it contains a NUL, which system calls cannot take`)
    entries.push(entry)
  }
  return entries
}

function parseStdio(stdio: unknown): readonly NativeStdio[] {
  if (stdio === undefined || stdio === 'pipe') return THREE_PIPES
  if (typeof stdio === 'string') return [0, 1, 2].map((fd) => parseDescriptor(stdio, fd))
  if (!Array.isArray(stdio)) refuse('stdio', stdio, "'pipe', 'fifo', 'ignore', 'inherit' or an array")
  if (stdio.length > MAX_DESCRIPTORS)
    throw new InvalidArgumentError(
      `Invalid stdio: expected at most ${MAX_DESCRIPTORS} entries, got ${stdio.length}`,
      {
        hint: `At most ${MAX_DESCRIPTORS} are possible`,
      },
    )
  const entries = [...stdio, ...Array(Math.max(0, 3 - stdio.length)).fill(undefined)]
  return entries.map((entry, fd) => parseDescriptor(entry ?? (fd < 3 ? 'pipe' : 'ignore'), fd))
}

function parseDescriptor(entry: unknown, fd: number): NativeStdio {
  if (entry === 'pipe') return 'socket'
  if (entry === 'fifo') return fd === 0 ? 'pipe-in' : 'pipe-out'
  if (entry === 'ignore') return 'ignore'
  if (entry === 'inherit') return fd
  const inherited = typeof entry === 'number' ? entry : (entry as { fd?: unknown } | null)?.fd
  if (typeof inherited !== 'number' || !Number.isInteger(inherited) || inherited < 0)
    refuse(
      `stdio[${fd}]`,
      entry,
      "'pipe', 'fifo', 'ignore', 'inherit', a descriptor, or an open stream that has one",
      entry === 'ipc' ? IPC_INSTEAD : undefined,
    )
  return inherited
}
