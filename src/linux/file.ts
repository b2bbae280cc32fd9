// What is in a cgroup directory: its small text files, and its sub-directories. Reached by the addon, from the root that it
// holds open: no mount and no link leads elsewhere.
import { isGone, systemCodeOf } from '../common/errors.js'
import { loadNative } from '../native/addon.js'

/** The text of a file, without its last newline; `undefined` where the kernel has no such file, or has it no more. */
export function readFile(directory: string, file: string): string | undefined {
  try {
    return loadNative().readText(`${directory}/${file}`).trimEnd()
  } catch (error) {
    if (isGone(error) || systemCodeOf(error) === 'EOPNOTSUPP') return undefined
    throw error
  }
}

export function writeFile(directory: string, file: string, text: string): void {
  loadNative().writeText(`${directory}/${file}`, text)
}

/** Whether the kernel has that file there. */
export function hasFile(directory: string, file: string): boolean {
  return loadNative().exists(`${directory}/${file}`)
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
  return loadNative().directories(directory)
}
