// corral run: a command contained from start to end. Its stdio is ours untouched, its exit status becomes ours.
import { isatty } from 'node:tty'
import { openCorral } from '../corral.js'
import { SpawnError } from '../errors.js'
import type { Limits } from '../limits.js'
import { parseMilliseconds } from '../options.js'
import type { Session } from '../session.js'
import { numberOfSignal } from '../signals.js'

export interface RunOptions {
  root?: string
  session?: string
  parent?: string
  grace: number
  limits: Limits
  bestEffort: boolean
}

// Ends the whole session; a second one ends it at once. SIGTERM needs no passing on: closing asks with it anyway.
const ENDING = ['SIGTERM', 'SIGHUP'] as const
// For the command to act on. On a terminal the kernel gives SIGINT and SIGQUIT to the whole foreground group, and so
// to the command: passing them on would deliver them twice.
const PASSED_ON = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const

/** Acts on signals from the first moment on; those that come before there is a session are kept for it. */
class SignalForwarder {
  readonly #graceMs: number
  readonly #early: NodeJS.Signals[] = []
  #session: Session | undefined
  #asked = false

  constructor(graceMs: number) {
    this.#graceMs = graceMs
    const listen = (signal: NodeJS.Signals) => process.on(signal, () => this.#take(signal))
    for (const signal of [...ENDING, ...PASSED_ON]) listen(signal)
    if (!isatty(0)) for (const signal of FROM_TERMINAL) listen(signal)
    else for (const signal of FROM_TERMINAL) process.on(signal, () => undefined)
  }

  attach(session: Session): void {
    this.#session = session
    for (const signal of this.#early.splice(0)) this.#take(signal)
  }

  #take(signal: NodeJS.Signals): void {
    if (!this.#session) this.#early.push(signal)
    else if (signal === 'SIGTERM' || signal === 'SIGHUP') this.#end(this.#session, signal)
    else this.#session.process.kill(signal)
  }

  #end(session: Session, signal: 'SIGTERM' | 'SIGHUP'): void {
    if (signal !== 'SIGTERM') session.process.kill(signal)
    session.close({ reason: signal, graceMs: this.#asked ? 0 : this.#graceMs }).catch(() => undefined)
    this.#asked = true
  }
}

/** As of env(1) and timeout(1): 127 not found, 126 found but not to be run. */
function statusOfFailure(error: SpawnError): number {
  if (error.syscall !== 'exec') return 1
  return error.systemCode === 'ENOENT' ? 127 : 126
}

/** Runs the command and returns the exit status: the command's own, or 128+N when signal N ended it. */
export async function run(command: string, args: string[], options: RunOptions): Promise<number> {
  const signals = new SignalForwarder(parseMilliseconds('--grace', options.grace))
  const corral = await openCorral({
    root: options.root,
    enforcement: options.bestEffort ? 'best-effort' : 'required',
  })
  try {
    const session = await corral.spawn({
      command,
      args,
      key: options.session,
      parentKey: options.parent,
      stdio: 'inherit',
      limits: options.limits,
    })
    signals.attach(session)
    const report = await session.closed
    return report.signal ? 128 + (numberOfSignal(report.signal) ?? 0) : (report.exitCode ?? 1)
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error
    process.stderr.write(`corral: ${error.message}\n`)
    return statusOfFailure(error)
  } finally {
    await corral.close({ graceMs: 0 })
  }
}
