// Random numbers that can be had again: the seed of a run is in every message of a failure, and CORRAL_CRASH_SEED sets
// it.
import { randomInt } from 'node:crypto'
import { whole } from './numbers.js'

const SEED_VARIABLE = 'CORRAL_CRASH_SEED'

export const seed = whole(SEED_VARIABLE, { least: 0 }) ?? randomInt(2 ** 32)

export interface Random {
  /** 0 up to, but without, 1. */
  fraction(): number
  pick<T>(choices: readonly T[]): T
}

// 32-bit FNV-1a
function hash(text: string): number {
  let state = 0x811c9dc5
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 0x01000193)
  return state >>> 0
}

// mulberry32
function generator(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The numbers of one round: the same for the same seed, whatever runs beside it. */
export function randomOf(round: string): Random {
  const fraction = generator(hash(`${seed} ${round}`))
  const pick = <T>(choices: readonly T[]): T => {
    const choice = choices[Math.floor(fraction() * choices.length)]
    if (choice === undefined) throw new Error('there is nothing to pick from')
    return choice
  }
  return { fraction, pick }
}
