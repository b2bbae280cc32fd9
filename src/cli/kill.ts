// corral kill: ends sessions of any owner.
import path from 'node:path'
import type { HoldingChoice } from '../backend/facts.js'
import { InvalidArgumentError } from '../common/errors.js'
import { json } from '../common/text.js'
import { Observer, type Selection } from '../observe/observer.js'
import { missingKeys, noneOf } from './missing.js'
import { left, linesOf, type Outcome } from './output.js'

export interface KillOptions {
  root?: string
  backend: HoldingChoice
  parent?: string
  instance?: string
  all?: boolean
  grace: number
  json: boolean
}

function parseSelection(keys: string[], { parent, instance, all }: KillOptions): Selection {
  const ofOne = instance === undefined ? {} : { instance }
  const selections: Selection[] = []
  if (keys.length > 0) selections.push({ keys, ...ofOne })
  if (parent !== undefined) selections.push({ parent, ...ofOne })
  if (all) selections.push({ all: true })
  if (instance !== undefined && (selections.length === 0 || all)) selections.push({ instance })
  const [selection, ...others] = selections
  if (selection === undefined || others.length > 0)
    throw new InvalidArgumentError(
      selection === undefined ? 'no sessions were selected' : 'sessions were selected in more than one way',
      { hint: 'Use one of: KEY…, --parent KEY, --all; --instance ID alone, or with keys or --parent' },
    )
  return selection
}

/** What may have been meant as well, and is left. */
async function othersMeant(
  observer: Observer,
  { instance, all }: KillOptions,
  found: boolean,
): Promise<string[]> {
  const { foreign, unspoken } = await observer.strangers()
  const meant = foreign.filter((one) => all || path.basename(one.path) === instance)
  return left([...meant, ...(all || !found ? unspoken : [])])
}

/** Status 1: no session was meant by the selection, or by one of the keys. */
export async function kill(keys: string[], options: KillOptions): Promise<Outcome> {
  const selection = parseSelection(keys, options)
  const observer = new Observer(options)
  const killed = await observer.kill(selection, options.grace)
  const told = killed.map(({ key, path, killed: count }) => `${key ?? path}: gone (${count} killed)`)
  const missing = missingKeys(keys, killed)
  const nobody = killed.length === 0 && !options.all
  const others = await othersMeant(observer, options, killed.length > 0)
  return {
    lines: options.json ? linesOf(json(killed)) : [...told, ...others],
    errors: keys.length === 0 && nobody ? ['no such session'] : await noneOf(missing, observer),
    status: missing.length > 0 || nobody ? 1 : 0,
  }
}
