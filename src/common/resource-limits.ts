// Limits on what this process may have (getrlimit(2)), for the errors of what ran into one.
import { readFileSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'

/** By the errno's name: its line in /proc/self/limits, how getrlimit(2) and a shell call it. */
const LIMITS: Readonly<Record<string, { line: string; name: string; ulimit: string; instead: string }>> = {
  EMFILE: { line: 'Max open files', name: 'RLIMIT_NOFILE', ulimit: '-n', instead: ', or close descriptors' },
  EFBIG: { line: 'Max file size', name: 'RLIMIT_FSIZE', ulimit: '-f', instead: '' },
}

/** What to do where the errno (negative) says that such a limit was reached. Undefined for all others. */
export function limitHint(errno: number): string | undefined {
  const limit = LIMITS[getSystemErrorName(errno)]
  return (
    limit &&
    `${limit.name} is ${hardLimit(limit.line) ?? 'reached'} here: raise it (ulimit ${limit.ulimit})${limit.instead}`
  )
}

/** The hard limit, up to which a program can raise its own. Undefined where no descriptor is left to read it by. */
function hardLimit(line: string): string | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    return new RegExp(`^${line} +\\S+ +(\\S+)`, 'm').exec(limits)?.[1]
  } catch {
    return undefined
  }
}
