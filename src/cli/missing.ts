// Sessions that a command was given the keys of, and that there are not.
import path from 'node:path'

interface Found {
  key?: string | undefined
  path: string
}

/** One without a key is known by the name of its directory, as where it is selected. */
export function missingKeys(keys: readonly string[], found: readonly Found[]): string[] {
  const known = new Set(
    found.flatMap((one) => [one.key ?? path.basename(one.path), path.basename(path.dirname(one.path))]),
  )
  return [...new Set(keys)].filter((key) => !known.has(key))
}

/** What is said of them: each by its key, where others were found. */
export function noneOf(missing: readonly string[], found: readonly Found[]): string[] {
  if (found.length === 0) return ['no such session']
  return missing.map((key) => `${key}: no such session`)
}
