// corral run: a command contained from start to end. This process prepares what takes a program of Node's size to know
// (which root, which limits, how keys are written) and then becomes the warden, which runs the command
// (native/warden/run.h): a few hundred KiB instead of Node's 40 MB for as long as the command lives.
import path from 'node:path'
import { isatty } from 'node:tty'
import type { HoldingChoice } from '../backend/facts.js'
import type { RunPlan } from '../backend/launch.js'
import { type Limits, parseLimits } from '../backend/limits.js'
import { memoryAt, packLaunch } from '../backend/mechanisms.js'
import { InvalidArgumentError } from '../common/errors.js'
import { loadNative, type Native } from '../native/addon.js'
import type { NativeProcessPlan } from '../native/plan.js'
import { parseKey } from '../session/key.js'
import { parseBound, parseHolding, parseLedger, parseMilliseconds } from '../session/options.js'
import { becomeWarden } from './become.js'
import { asLaunched } from './launched.js'
import { checkLedger } from './ledger.js'
import { complainAtOnce, isLively, optionOf } from './output.js'

const STDERR = 2

export interface RunOptions {
  /** What holds the command: as of openCorral(). */
  backend: HoldingChoice
  root?: string
  /** Whether systemd may be asked for a scope. */
  systemd: boolean
  session?: string
  parent?: string
  grace: number
  drain: number
  timeout?: number
  startTimeout: number
  limits: Limits
  bestEffort: boolean
  /** Whether to end with 128 + N instead of by the signal that ended the command. */
  status128: boolean
  /** Whether to say at the end what the session used; by default where somebody is there to read it. */
  summary?: boolean
  ledger?: string
  ledgerArgs: boolean
}

/** The keys from the eldest parent down. */
function parseKeys({ session, parent }: RunOptions): string[] {
  const keys: string[] = []
  if (parent !== undefined) keys.push(parseKey(parent, '--parent'))
  if (session !== undefined) keys.push(parseKey(session, '--session'))
  else if (parent !== undefined) keys.push(`run-${process.pid}`)
  if (keys.length === 2 && keys[0] === keys[1])
    throw new InvalidArgumentError(`'${session}' cannot be its own parent`)
  return keys
}

/** The command, as if we were not there: it inherits what we did. Its words follow. */
function processOf(native: Native): NativeProcessPlan {
  const { descriptors, ignored, blocked, openFiles } = asLaunched()
  return {
    command: '',
    argv: [],
    stdio: Array.from({ length: 1 + Math.max(2, ...descriptors) }, (_, at) =>
      at <= 2 || descriptors.includes(at) ? at : 'none',
    ),
    inherited: { ignored, blocked, pid: process.pid, attributes: native.attributes(openFiles) },
  }
}

/**
 * Becomes the warden that runs the command; does not come back.
 * @throws CorralError when it cannot be prepared; nothing was made then.
 */
export async function run(command: string, args: string[], options: RunOptions): Promise<never> {
  if (command === '') throw new InvalidArgumentError('no command to run was given')
  const native = loadNative()
  const plan: RunPlan = {
    graceMs: parseMilliseconds('--grace', options.grace),
    drainMs: parseMilliseconds('--drain', options.drain),
    timeoutMs: options.timeout === undefined ? undefined : parseBound('--timeout', options.timeout),
    startTimeoutMs: parseBound('--start-timeout', options.startTimeout),
    limits: parseLimits(options.limits, {}, () => memoryAt(options.root)),
    enforcement: options.bestEffort ? 'best-effort' : 'required',
    nameOf: optionOf,
    keys: parseKeys(options),
    status128: options.status128,
    summary: options.summary ?? isLively({ isTTY: isatty(STDERR) }),
    command: [command, ...args].join(' '),
    program: path.basename(command),
    ledger: parseLedger('--ledger', options.ledger, options.ledgerArgs),
    process: processOf(native),
  }
  if (plan.ledger) await checkLedger(plan.ledger)
  const { block, unheld } = await packLaunch(
    { ...options, backend: parseHolding('--backend', options.backend, options.root) },
    plan,
  )
  complainAtOnce(
    unheld.map((name) => `corral: ${optionOf(name)} is not enforced: no controller here can enforce it`),
  )
  const pipe = native.pipeOf(block)
  return becomeWarden(['run', '--plan', String(pipe)], [command, ...args], [pipe])
}
