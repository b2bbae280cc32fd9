// What is in a cgroup directory: its small text files, and its sub-directories.
import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { isGone, isSystemError, systemCodeOf } from '../errors.js'

/** The text of a file, without its last newline; `undefined` where the kernel has no such file, or has it no more. */
export function readFile(directory: string, file: string): string | undefined {
  try {
    return readFileSync(`${directory}/${file}`, 'utf8').trimEnd()
  } catch (error) {
    if (isGone(error) || systemCodeOf(error) === 'EOPNOTSUPP') return undefined
    if (isSystemError(error) && error.path === undefined)
      // that of a read, as Node has it
      Object.assign(error, {
        path: `${directory}/${file}`,
        message: `${error.message} '${directory}/${file}'`,
      })
    throw error
  }
}

/** One number; `max` is Infinity. */
export function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  return text === 'max' ? Number.POSITIVE_INFINITY : Number(text)
}

/** Lines of `name value` ("flat keyed" in cgroup-v2.rst). */
export function parseKeyed(text: string | undefined): Map<string, number> | undefined {
  if (text === undefined) return undefined
  return new Map(
    text.split('\n').map((line) => {
      const [name = '', value] = line.split(' ')
      return [name, Number(value)]
    }),
  )
}

/** A file of words between blanks. Split, never searched: `cpu` is not `cpuset` (nsjail's mistake). */
export function readWords(directory: string, file: string): string[] {
  return (readFile(directory, file) ?? '').split(/\s+/).filter((word) => word !== '')
}

/** The names of the directories in a directory; none where it is gone. */
export function subdirectories(directory: string): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}
