// corral kill: ends sessions, whoever owns them.
import { InvalidArgumentError } from '../errors.js'
import { Observer, type Selection } from '../observer.js'
import type { HoldingChoice } from '../options.js'
import { json, printable } from './format.js'

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
  const selections: Selection[] = []
  if (keys.length > 0) selections.push({ keys })
  if (parent !== undefined) selections.push({ parent })
  if (instance !== undefined) selections.push({ instance })
  if (all) selections.push({ all: true })
  const [selection, ...others] = selections
  if (selection === undefined || others.length > 0)
    throw new InvalidArgumentError('say which sessions are meant', {
      hint: 'Give one of: KEY…, --parent KEY, --instance ID, --all',
    })
  return selection
}

/** The text to print, and the exit status: 1 when no session was meant by the selection. */
export async function kill(keys: string[], options: KillOptions): Promise<{ text: string; status: number }> {
  const selection = parseSelection(keys, options)
  const killed = await new Observer(options).kill(selection, options.grace)
  const text = killed
    .map(({ key, path, killed: count }) => `${printable(key ?? path)}: gone (${count} killed)`)
    .join('\n')
  return {
    text: options.json ? json(killed) : text || 'no such session',
    status: killed.length === 0 && !options.all ? 1 : 0,
  }
}
