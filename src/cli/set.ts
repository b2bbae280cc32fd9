// corral set: changes the limits of live sessions, whoever owns them.
import type { Limits } from '../limits.js'
import { Observer } from '../observer.js'
import type { HoldingChoice } from '../options.js'
import { json } from '../text.js'
import { linesOf, type Outcome } from './output.js'

export interface SetOptions {
  root?: string
  backend: HoldingChoice
  family: boolean
  limits: Limits
  json: boolean
}

/** Status 1: there is no such session. */
export async function set(keys: string[], options: SetOptions): Promise<Outcome> {
  const changed = await new Observer(options).setLimits({ keys }, options.limits, options)
  const told = changed.map(({ key, path, limits }) => {
    const held = limits.map(({ name, applied, effective }) =>
      applied === effective ? `${name} ${applied}` : `${name} ${applied} (in effect ${effective})`,
    )
    return `${key ?? path}: ${held.join(', ') || 'lifted'}`
  })
  const lines = told.length > 0 ? told : ['no such session']
  return {
    lines: options.json ? linesOf(json(changed)) : lines,
    status: changed.length === 0 ? 1 : 0,
  }
}
