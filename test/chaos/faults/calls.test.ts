// Every call of each operation made to fail, one after the other: none may leave anything, hang, crash, or fail without
// saying what happened. With CORRAL_FAULTS_ALL each with all its errors, once and for good; else a sample.
import { inject, test } from 'vitest'
import { loadNative } from '../../../src/native/addon.js'
import { EMULATED } from '../../support/eventually.js'
import { lacks } from '../../support/lacks.js'
import { makePen } from '../../support/pen.js'
import '../../support/suite-root.js'
import { canLast, errnosOf, numberOf } from './errnos.mjs'
import { type Fault, Gateway } from './gateway.js'
import { OPERATIONS } from './operations.mjs'

declare module 'vitest' {
  interface TaskMeta {
    faults?: Tally
  }
}

/** What was tried in an operation, for the table of docs/errors.md. */
interface Tally {
  operation: string
  /** Calls that were made to fail: each label, and each of its first calls. */
  calls: number
  attempts: number
  /** Operations that failed: the others went another way, or did without. */
  failed: number
}

const ALL = process.env['CORRAL_FAULTS_ALL'] === '1'
const SAMPLED = ['open with limits', 'spawn with a limit', 'close politely', 'sweep', 'close the corral']
// Of calls that are the same but for their time (a look at cgroup.events), so many are made to fail.
const FIRST = 3

// The prebuilt addon has C++'s operator new in it (native/prebuild/runtime.cc), whose malloc() cannot be told from others.
// One that fails ends the process, as in all of Node.
const PREBUILT = loadNative().build().kind === 'prebuilt'
if (PREBUILT) console.log('left out: malloc() that fails, for the addon is prebuilt')

function* faultsOf(recorded: string[], lasting: boolean): Generator<{ fault: Fault; words: string }> {
  const counts = new Map<string, number>()
  for (const label of recorded)
    if (!(PREBUILT && label.startsWith('malloc '))) counts.set(label, (counts.get(label) ?? 0) + 1)
  for (const [label, count] of counts)
    for (let nth = 1; nth <= Math.min(count, ALL ? FIRST : 1); nth++)
      for (const errno of ALL ? errnosOf(label) : errnosOf(label).slice(0, 1))
        for (const always of lasting && canLast(label, errno) ? [false, true] : [false])
          yield {
            fault: { label, nth, number: numberOf(errno), always },
            words: `${label} #${nth}${always ? ' and later' : ''}: ${errno}`,
          }
}

// Thousands of calls, each with a gateway's whole start and end: minutes there, and the same calls as here
const LEFT_OUT = EMULATED && !ALL
if (LEFT_OUT) console.log('left out: calls that fail, in an emulated kernel')

test.skipIf(LEFT_OUT || lacks('cgroup')).concurrent.for(ALL ? Object.keys(OPERATIONS) : SAMPLED)(
  '%s',
  { timeout: ALL ? 1_800_000 : 120_000 },
  async (operation, { task, expect: expected }) => {
    await using pen = await makePen(inject('suiteRoot'), 'faults')
    await using gateway = await Gateway.start(pen)
    const found: string[] = []
    const tally: Tally = { operation, calls: 0, attempts: 0, failed: 0 }
    const calls = new Set<string>()
    for (const { fault, words } of faultsOf(
      await gateway.record(operation),
      ALL && !('needs' in OPERATIONS[operation as keyof typeof OPERATIONS]),
    )) {
      const { fired, failed, problems } = await gateway.attempt(operation, fault)
      found.push(...problems.map((problem) => `${words}: ${problem}`))
      if (fired === 0) continue
      calls.add(`${fault.label} ${fault.nth}`)
      tally.attempts++
      if (failed) tally.failed++
    }
    tally.calls = calls.size
    task.meta.faults = tally
    expected(found).toEqual([])
    expected(tally.attempts).toBeGreaterThan(0)
  },
)
