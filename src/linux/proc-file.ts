// Files below /proc/PID, whose process may end at any moment.
import { readFileSync } from 'node:fs'
import { isSystemError } from '../common/errors.js'

/** '' where it is gone. */
export function procText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isSystemError(error)) return ''
    throw error
  }
}

/** What is read of /proc/PID/stat: proc_pid_stat(5). */
export interface ProcStat {
  /** As the process chose it: any bytes. */
  name: string
  /** A letter: `Z` is a zombie, `D` waits in the kernel. '' where the text was empty. */
  state: string
  ppid: number
  /** The process group. */
  group: number
  terminal: number
  /** When it started, in clock ticks since boot. */
  startTicks: number
  /** CPU time, in clock ticks. */
  cpuTicks: number
}

// USER_HZ, in which /proc counts, is 100 on every architecture that we build for (proc_pid_stat(5)).
export const TICKS_PER_S = 100

/** The name is in parentheses and may hold any byte, `)` included. */
export function parseStat(text: string): ProcStat {
  const close = text.lastIndexOf(')')
  const [state = '', ppid, group, , terminal, ...others] = text
    .slice(close + 2)
    .trim()
    .split(' ')
  return {
    name: text.slice(text.indexOf('(') + 1, close),
    state,
    ppid: Number(ppid),
    group: Number(group),
    terminal: Number(terminal),
    startTicks: Number(others[14]), // field 22; the state is field 3
    cpuTicks: Number(others[6]) + Number(others[7]), // 14 and 15
  }
}
