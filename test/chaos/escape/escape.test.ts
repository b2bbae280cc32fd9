// Every program against the ways in which sessions end, whatever holds them: nothing is ever left. `npm test` takes some
// of these for each program, so that each way of ending has its turn; `npm run test:escape` takes all, or those that it is
// told, as often as it is told.
import { describe, expect, test } from 'vitest'
import { SLOWNESS } from '../../support/eventually.js'
import { whole } from '../crash/numbers.js'
import { chosen } from './chosen.js'
import { endingTable, SWEEP } from './endings.js'
import { makePens } from './gateway.js'
import { holders } from './holders.js'
import { payloadTable } from './payload-table.js'

const ROUNDS = whole('CORRAL_ESCAPE_ROUNDS', { least: 1 })

// Of each program, where there are no rounds.
const FEW = 2
// The next program begins that much further on; it has no divisor in common with the number of all.
const STEP = 5

const chosenHolders = chosen('CORRAL_ESCAPE_HOLDERS', holders, ({ name }) => name)
const possibleEndings = endingTable.filter(
  ([name]) => name !== SWEEP || chosenHolders.some(({ sweeps }) => sweeps),
)
const chosenEndings = chosen('CORRAL_ESCAPE_ENDINGS', possibleEndings, ([name]) => name)

const all = chosenEndings.flatMap(([ending, run]) =>
  chosenHolders.filter(({ sweeps }) => sweeps || ending !== SWEEP).map((holder) => ({ ending, run, holder })),
)

const few = <Meeting>(number: number, of: Meeting[]) =>
  Array.from({ length: FEW }, (_, nth) => ((number * FEW + nth) * STEP) % of.length).flatMap(
    (at) => of[at] ?? [],
  )

/** For each program those endings and holders that it meets in this run. */
const meetings = payloadTable.flatMap(([name, payload], number) => {
  const possible = all.filter(({ holder }) => holder.takes(payload))
  const some =
    ROUNDS === undefined ? few(number, possible) : Array.from({ length: ROUNDS }, () => possible).flat()
  return some.map(({ ending, run, holder }) => [name, holder.name, ending, { payload, holder, run }] as const)
})

describe('nothing is left of', () => {
  for (const [name, holderName, ending, { payload, holder, run }] of meetings)
    test(`${name}, held by ${holderName}, after ${ending}`, {
      concurrent: !payload.crowds,
      timeout: 120_000 * SLOWNESS,
    }, async ({ skip }) => {
      await using pens = await makePens()
      await run({ pens, holder, payload, skip })
    })
})

test('there are at least 30 programs, and each ending and holder has its turn', () => {
  const met = (field: 0 | 1 | 2) => new Set(meetings.map((meeting) => meeting[field])).size
  const held = payloadTable.filter(([, payload]) => chosenHolders.some((holder) => holder.takes(payload)))
  expect(payloadTable.length).toBeGreaterThanOrEqual(30)
  expect([met(0), met(1), met(2)]).toEqual([held.length, chosenHolders.length, chosenEndings.length])
})
