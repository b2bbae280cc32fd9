// Signals by name and number. Node knows no names for real-time signals: they are called SIG34 to SIG64 here.
import { constants } from 'node:os'
import { InvalidArgumentError } from './errors.js'
import { quote } from './quote.js'

// Of two names of one number Node tells the first: SIGABRT and SIGIOT
const NAMES = new Map(
  Object.entries(constants.signals)
    .map(([name, number]): [number, NodeJS.Signals] => [number, name as NodeJS.Signals])
    .reverse(),
)

export function nameOfSignal(number: number): NodeJS.Signals {
  return NAMES.get(number) ?? (`SIG${number}` as NodeJS.Signals)
}

/** `undefined`: there is no such signal. */
export function numberOfSignal(name: string): number | undefined {
  const known = constants.signals[name as NodeJS.Signals]
  if (known !== undefined) return known
  const number = Number(/^SIG(\d+)$/.exec(name)?.[1])
  return number >= 1 && number <= 64 ? number : undefined
}

/** The number of a signal, from `least` on: 0 only looks whether a process is there. @throws InvalidArgumentError */
export function parseSignal(signal: unknown, least: 0 | 1): number {
  const number = typeof signal === 'string' ? numberOfSignal(signal) : signal
  if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= 64) return number
  throw new InvalidArgumentError(
    `Invalid signal: expected a name such as 'SIGTERM' or a number from ${least} to 64, got ${quote(signal)}`,
  )
}
