// corral set: changes the limits of live sessions of any owner.

import type { HoldingChoice } from '../backend/facts.js'
import type { Limits } from '../backend/limits.js'
import { json } from '../common/text.js'
import { Observer } from '../observe/observer.js'
import { missingKeys, noneOf } from './missing.js'
import { linesOf, type Outcome } from './output.js'

export interface SetOptions {
  root?: string
  backend: HoldingChoice
  family: boolean
  limits: Limits
  json: boolean
}

/** Status 1: there is no session of one of the keys. */
export async function set(keys: string[], options: SetOptions): Promise<Outcome> {
  const observer = new Observer(options)
  const changed = await observer.setLimits({ keys }, options.limits, options)
  const told = changed.map(({ key, path, limits }) => {
    const held = limits.map(({ name, applied, effective }) =>
      applied === effective ? `${name} ${applied}` : `${name} ${applied} (in effect ${effective})`,
    )
    return `${key ?? path}: ${held.join(', ') || 'lifted'}`
  })
  const missing = missingKeys(keys, changed)
  return {
    lines: options.json ? linesOf(json(changed)) : told,
    errors: await noneOf(missing, observer),
    status: missing.length > 0 ? 1 : 0,
  }
}
