// Who outlived SIGKILL, and in what state: for the error that says so.
import { isGone, StuckError, type StuckProcess, systemCodeOf } from '../common/errors.js'
import { parseStat } from '../linux/proc-file.js'
import { loadNative } from '../native/addon.js'

/** What can be told of a process; undefined where it is gone. */
export function describeProcess(pid: number): StuckProcess | undefined {
  try {
    const { name, state } = parseStat(loadNative().readText(`/proc/${pid}/stat`))
    return { pid, name, state }
  } catch (error) {
    const code = systemCodeOf(error)
    if (isGone(error) || code === 'ESRCH') return undefined
    if (code === undefined) throw error
    return { pid, name: '', state: '?' } // no descriptors, or /proc hides it
  }
}

export function listProcesses(processes: StuckProcess[]): string {
  return processes.map(({ pid, name, state }) => `${pid}${name && ` ${name}`} (${state})`).join(', ')
}

const HUNG =
  'Wait for processes in state D, which end when the disk or network file system that they wait for answers; then run `corral sweep` for the directory that is left'

/** Whether we may not signal a process: it runs as another user, as what `sudo` and `su` start does. */
function isOthers({ pid }: StuckProcess): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}

function stuckHint(processes: StuckProcess[]): string {
  const others = processes.filter(isOthers).map(({ pid }) => pid)
  if (others.length === 0) return HUNG
  return `End them as their own user or as root (kill ${others.join(' ')}): they run as another user, whom this one may not signal`
}

/** The error for `what` (in `directory`), whose processes `pids` were still there after `boundMs` of killing. */
export function stuckError(what: string, directory: string, pids: number[], boundMs: number): StuckError {
  const processes = pids.map(describeProcess).filter((found) => found !== undefined)
  const list = listProcesses(processes)
  return new StuckError(
    `${what} is not empty ${boundMs} ms after it was killed: ${list || 'no process is visible from here'}`,
    processes,
    {
      path: directory,
      hint: stuckHint(processes),
    },
  )
}
