// Who outlived SIGKILL, and in what state: for the error that says so.
import { readFileSync } from 'node:fs'
import { isGone, StuckError, type StuckProcess, systemCodeOf } from './errors.js'

function describe(pid: number): StuckProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name is in parentheses and may hold any byte, `)` included (proc_pid_stat(5))
    const close = stat.lastIndexOf(')')
    return { pid, name: stat.slice(stat.indexOf('(') + 1, close), state: stat.charAt(close + 2) }
  } catch (error) {
    if (isGone(error) || systemCodeOf(error) === 'ESRCH') return undefined
    throw error
  }
}

/** The error for `what` (in `directory`), whose processes `pids` were still there after `boundMs` of killing. */
export function stuckError(what: string, directory: string, pids: number[], boundMs: number): StuckError {
  const processes = pids.map(describe).filter((found) => found !== undefined)
  const list = processes.map(({ pid, name, state }) => `${pid} ${name} (${state})`).join(', ')
  return new StuckError(
    `${what} is not empty ${boundMs} ms after it was killed: ${list || 'nobody visible from here'}`,
    processes,
    {
      path: directory,
      hint: 'A process in state D waits in the kernel (often for a disk or a network file system) and ends when that answers; the directory is left for `corral sweep`',
    },
  )
}
