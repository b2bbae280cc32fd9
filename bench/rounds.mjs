// Interleaved rounds: every subject is measured once a round, so that all of them see the same weather.

/**
 * Runs each of `subjects` (name → async function that returns one sample) once a round. The order is reversed
 * in every second round, because the second finds warmer caches. Samples of the warm-up are dropped.
 * Returns name → samples, in the order of the rounds.
 */
export async function interleave({ rounds, warmup, subjects }) {
  const names = Object.keys(subjects)
  const samples = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -warmup; round < rounds; round++) {
    const order = round % 2 === 0 ? names : [...names].reverse()
    for (const name of order) {
      const sample = await subjects[name]()
      if (round >= 0) samples[name].push(sample)
    }
  }
  return samples
}
