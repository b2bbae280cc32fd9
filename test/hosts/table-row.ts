// What a test has shown of a place, noted in the results of the run: test/hosts/table.mjs makes the tables of docs/hosts.md and
// docs/hosts-doctor.md of it.
import type { TestContext } from 'vitest'

/** A column of the table each; those of the two tables differ. */
export interface Shown {
  root?: string
  cap?: string
  hog?: string
  killed?: string
  stopped?: string
  closed?: string
  behaviour?: string
}

/** `row` is its name; `doctor` what `corral doctor` printed there. */
export function note({ task }: TestContext, row: string, shown: Shown, doctor?: string): void {
  const before = task.meta as { shown?: Shown; doctor?: string }
  Object.assign(task.meta, {
    row,
    systemd: process.env['CORRAL_TEST_SYSTEMD'],
    shown: { ...before.shown, ...shown },
    doctor: doctor ?? before.doctor,
  })
}
