// `test` for tests that let processes loose: each gets a new pen, and nothing in it outlives the test.
import { inject, test as plain } from 'vitest'
import { BACKEND } from './backend.js'
import { penned } from './entered-pen.js'
import { COUNTS_BY_NAMESPACE, namespacePen } from './namespace-pen.js'
import { makePen, type Pen } from './pen.js'
import './suite-root.js'

export const test = plain.extend<{ pen: Pen }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are needed
  pen: async ({}, use) => {
    await using pen = COUNTS_BY_NAMESPACE ? await namespacePen() : await makePen(inject('suiteRoot'), 'pen')
    if (BACKEND === 'cgroup' || COUNTS_BY_NAMESPACE) await use(pen)
    else await penned(pen, use)
  },
})
