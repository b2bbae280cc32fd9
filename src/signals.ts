// Signals by name and number. Node knows no names for real-time signals: they are called SIG34 to SIG64 here.
import { constants } from 'node:os'

const NAMES = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
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
