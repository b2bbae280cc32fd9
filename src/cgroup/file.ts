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

/** One number of lines of `name value` ("flat keyed" in cgroup-v2.rst). */
export function parseKeyed(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const lines = `\n${text}\n`
  const begin = `\n${name} `
  const at = lines.indexOf(begin)
  if (at === -1) return undefined
  const value = at + begin.length
  return Number(lines.slice(value, lines.indexOf('\n', value)))
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
