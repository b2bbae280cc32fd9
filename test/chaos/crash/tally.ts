// How the rounds of a phase went: a kill that always comes too late proves nothing.
import { expect } from 'vitest'

// With fewer, all may come after the phase by chance.
const ROUNDS_THAT_TELL = 20

export class Tally {
  readonly #name: string
  readonly #goneMs: number[] = []
  #inside = 0

  constructor(name: string) {
    this.#name = name
  }

  get rounds(): number {
    return this.#goneMs.length
  }

  /** `wasDone`: the phase was over when the kill came. */
  add(goneMs: number, wasDone: boolean): void {
    this.#goneMs.push(goneMs)
    if (!wasDone) this.#inside++
  }

  print(): void {
    const sorted = this.#goneMs.toSorted((one, other) => one - other).map((ms) => ms.toFixed(0))
    const median = sorted[Math.floor(sorted.length / 2)]
    console.log(
      `${this.#name}: ${this.rounds} rounds, ${this.#inside} killed before the phase was over; nothing left after ${median} ms (median), ${sorted.at(-1)} ms (most)`,
    )
  }

  expectSomeInside(): void {
    if (this.rounds < ROUNDS_THAT_TELL) return
    expect(this.#inside, 'rounds killed before the phase was over').toBeGreaterThan(0)
  }
}
