// Sessions that a command was given the keys of, and that there are not.
import path from 'node:path'
import type { Observer } from '../observe/observer.js'

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

/** What is said of them, each by its key; and that there are sessions that this user may not look at, where one may be meant. */
export async function noneOf(missing: readonly string[], observer: Observer): Promise<string[]> {
  if (missing.length === 0) return []
  const { barred } = await observer.strangers()
  const others = barred === 1 ? '1 session here is' : `${barred} sessions here are`
  const hint = barred === 0 ? '' : ` of this user (${others} another user's)`
  return missing.map((key) => `${key}: no such session${hint}`)
}
