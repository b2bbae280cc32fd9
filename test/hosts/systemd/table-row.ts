// What a test has shown of a place, noted in the results of the run: test/hosts/table.mjs makes docs/hosts.md's table of it.
import type { TestContext } from 'vitest'
import type { Place } from './places.js'

/** A column of the table each. */
export interface Shown {
  root?: string
  cap?: string
  hog?: string
  killed?: string
  stopped?: string
}

export function note({ task }: TestContext, place: Place, shown: Shown): void {
  Object.assign(task.meta, { place: place.name, systemd: process.env['CORRAL_TEST_SYSTEMD'], shown })
}
