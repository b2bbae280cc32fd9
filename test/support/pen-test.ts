// `test` for tests that let processes loose: each gets a new pen, and nothing in it outlives the test.
import { inject, test as plain } from 'vitest'
import { BACKEND } from './backend.js'
import { penned } from './entered-pen.js'
import { NO_CGROUP } from './lacks.js'
import { markedPen } from './marked-pen.js'
import { makePen, type Pen } from './pen.js'
import './suite-root.js'

/** Whether the tests of this run can make cgroups. */
export const CGROUPS = inject('suiteRoot') !== ''

/** A new pen; where no cgroup can be made, one that skips the test when that asks for its path. */
export function newPen(name: string, skip: (note: string) => never): Promise<Pen> {
  if (CGROUPS) return makePen(inject('suiteRoot'), name)
  return Promise.resolve(markedPen(() => skip(NO_CGROUP)))
}

export const test = plain.extend<{ pen: Pen }>({
  pen: async ({ skip }, use) => {
    await using pen = await newPen('pen', skip)
    if (BACKEND === 'cgroup') await use(pen)
    else await penned(pen, use)
  },
})
