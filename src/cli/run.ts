// corral run: a command contained from start to end. Its stdio is ours untouched, its exit status becomes ours.
import { constants } from 'node:os'
import { openCorral } from '../corral.js'
import { SpawnError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Session } from '../session.js'

export interface RunOptions {
  root?: string
  session?: string
  parent?: string
  grace: number
  limits: Limits
  bestEffort: boolean
}

// Ends the whole session, after the command has had the signal itself. A second one ends it at once.
const ENDING = ['SIGTERM', 'SIGHUP'] as const
// For the command to act on. On a terminal the kernel gives SIGINT and SIGQUIT to the whole foreground group, and so
// to the command: passing them on would deliver them twice.
const PASSED_ON = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const

function forwardSignals(session: Session, graceMs: number): void {
  let asked = false
  for (const signal of ENDING)
    process.on(signal, () => {
      session.process.kill(signal)
      session.close({ reason: signal, graceMs: asked ? 0 : graceMs }).catch(() => undefined)
      asked = true
    })
  for (const signal of PASSED_ON) process.on(signal, () => session.process.kill(signal))
  for (const signal of FROM_TERMINAL)
    process.on(signal, () => {
      if (!process.stdin.isTTY) session.process.kill(signal)
    })
}

/** As of env(1) and timeout(1): 127 not found, 126 found but not to be run. */
function statusOfFailure(error: SpawnError): number {
  if (error.syscall !== 'exec') return 1
  return error.systemCode === 'ENOENT' ? 127 : 126
}

/** Runs the command and returns the exit status: the command's own, or 128+N when signal N ended it. */
export async function run(command: string, args: string[], options: RunOptions): Promise<number> {
  const corral = await openCorral({
    root: options.root,
    enforcement: options.bestEffort ? 'best-effort' : 'required',
    graceMs: options.grace,
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
    forwardSignals(session, options.grace)
    const report = await session.closed
    return report.signal ? 128 + constants.signals[report.signal] : (report.exitCode ?? 1)
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error
    process.stderr.write(`corral: ${error.message}\n`)
    return statusOfFailure(error)
  } finally {
    await corral.close({ graceMs: 0 })
  }
}
