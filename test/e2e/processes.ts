// Single processes as /proc shows them: what they run, how they are, who their parents and children are.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The command line, with blanks between the words; programs that give themselves a title show that. */
export function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
}

export function executable(pid: number): string {
  return readlinkSync(`/proc/${pid}/exe`)
}

/** proc_pid_stat(5): `S` sleeping, `T` stopped by a signal, …; undefined when there is no such process. */
export function state(pid: number): string | undefined {
  return status(pid)[0]
}

/** The parent, its parent and so on, up to the first process. */
export function ancestors(pid: number): number[] {
  const above = parent(pid)
  return above ? [above, ...ancestors(above)] : []
}

export function children(pid: number): number[] {
  const everybody = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return everybody.map(Number).filter((other) => parent(other) === pid)
}

/** All that a walk by parent pid finds below a process: its children, then theirs. */
export function descendants(pid: number): number[] {
  const found = children(pid)
  for (const one of found) found.push(...children(one))
  return found
}

function parent(pid: number): number {
  return Number(status(pid)[1] ?? 0)
}

// What follows the name, which stands in brackets and may itself contain blanks and brackets.
function status(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`)
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

// A process that went away while we looked is an empty text.
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}
