// The sessions that a command was given the keys of.
import type { HoldingChoice } from '../backend/facts.js'
import type { Detail } from '../backend/outside.js'
import { Observer, type SeenSession } from '../observe/observer.js'
import { missingKeys, noneOf } from './missing.js'

export interface SessionsOptions {
  root?: string
  backend: HoldingChoice
  /** Of this one alone. */
  instance?: string
}

export interface Meant {
  found: SeenSession[]
  /** What is said of the keys that no session has. */
  errors: string[]
}

export async function sessionsOf(
  keys: string[],
  { instance, ...options }: SessionsOptions,
  detail: Detail = 'none',
): Promise<Meant> {
  const observer = new Observer(options)
  const found = await observer.find({ keys, instance }, detail)
  const missing = missingKeys(
    keys,
    found.map(({ session }) => ({ key: session.key, path: session.group.path })),
  )
  return { found, errors: await noneOf(missing, observer) }
}
