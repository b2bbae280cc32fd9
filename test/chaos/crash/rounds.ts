// Many rounds of one thing, a few at a time, each with random numbers of its own.
import { SLOWNESS } from '../../support/eventually.js'
import { type Random, randomOf, seed } from './random.js'

// More would only wait for the CPU, and then nothing happens side by side.
const AT_A_TIME = 3

// Each waits out a bound; some are enough to see what they have in common.
const ENOUGH_FAILURES = 5

// Of one round on the reference machine with other things to do; it takes a second, and three run at a time.
const ROUND_MS = 10_000
const SETUP_MS = 30_000

export const timeoutOf = (rounds: number) => (SETUP_MS + rounds * ROUND_MS) * SLOWNESS

export interface Round {
  random: Random
  /** For the message should it fail: the delay, and whatever else was drawn. */
  note(what: string): void
}

export interface Series {
  name: string
  count: number
  /** Aborted when there is no time left. */
  signal: AbortSignal
}

type RunRound<Place> = (round: Round, place: Place) => Promise<void>

async function attempt<Place>(name: string, place: Place, run: RunRound<Place>): Promise<string | undefined> {
  const notes: string[] = []
  try {
    await run({ random: randomOf(name), note: (what) => notes.push(what) }, place)
    return undefined
  } catch (error) {
    return [name, ...notes, `CORRAL_CRASH_SEED=${seed}: ${(error as Error).message}`].join(', ')
  }
}

/**
 * Runs the rounds, some side by side: each of those that run them does so in a place of its own, which `placed` makes,
 * gives to what it is called with, and takes away. Rejects with what the failed ones said.
 */
export async function runRounds<Place>(
  { name, count, signal }: Series,
  placed: (work: (place: Place) => Promise<void>) => Promise<void>,
  run: RunRound<Place>,
): Promise<void> {
  const failures: string[] = []
  let begun = 0
  const work = async (place: Place) => {
    while (begun < count && failures.length < ENOUGH_FAILURES && !signal.aborted) {
      const failure = await attempt(`${name}, round ${++begun}`, place, run)
      if (failure !== undefined) failures.push(failure)
    }
  }
  const workers = Array.from({ length: Math.min(AT_A_TIME, count) }, () => placed(work))
  for (const end of await Promise.allSettled(workers))
    if (end.status === 'rejected') failures.push(`${name}: ${(end.reason as Error).message}`)
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${begun} rounds failed:\n${failures.join('\n')}`)
}
