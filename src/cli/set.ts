// corral set: changes the limits of live sessions, whoever owns them.
import type { Limits } from '../limits.js'
import { Observer } from '../observer.js'
import type { HoldingChoice } from '../options.js'
import { json, printable } from './format.js'

export interface SetOptions {
  root?: string
  backend: HoldingChoice
  family: boolean
  limits: Limits
  json: boolean
}

/** The text to print, and the exit status: 1 when there is no such session. */
export async function set(keys: string[], options: SetOptions): Promise<{ text: string; status: number }> {
  const changed = await new Observer(options).setLimits({ keys }, options.limits, options)
  const text = changed
    .map(({ key, path, limits }) => {
      const held = limits.map(({ name, applied, effective }) =>
        applied === effective ? `${name} ${applied}` : `${name} ${applied} (in effect ${effective})`,
      )
      return `${printable(key ?? path)}: ${held.join(', ') || 'lifted'}`
    })
    .join('\n')
  return {
    text: options.json ? json(changed) : text || 'no such session',
    status: changed.length === 0 ? 1 : 0,
  }
}
