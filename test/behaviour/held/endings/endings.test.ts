// Every program against the ways in which sessions end, whatever holds them and whoever has them: nothing is ever left.
// `npm test` takes one of these for each program, so that each way of ending has its turn; `npm run test:escape` takes all,
// or those that it is told, as often as it is told.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { whole } from '../../../chaos/crash/numbers.js'
import { basicTable, commandOf, payloads, payloadTable } from '../../../chaos/escape/payload-table.js'
import { EMULATED, SLOWNESS } from '../../../support/eventually.js'
import { openInPen } from '../../../support/open-in-pen.js'
import { test as penTest } from '../../../support/pen-test.js'
import { makePens } from '../../../support/pens.js'
import { chosen } from './chosen.js'
import { drivers } from './drivers.js'
import { endings } from './endings.js'
import { holders, isAlone } from './holders.js'

const ROUNDS = whole('CORRAL_ESCAPE_ROUNDS', { least: 1 })

// An emulated kernel has fewer
const programs = EMULATED && ROUNDS === undefined ? basicTable : payloadTable
// The next program begins that much further on; it has no divisor in common with the number of all.
const STEP = 11

const chosenHolders = chosen('CORRAL_ESCAPE_HOLDERS', holders)
const possible = endings.filter(
  ({ backend }) => backend === undefined || chosenHolders.some((one) => one.backend === backend),
)
const chosenEndings = chosen('CORRAL_ESCAPE_ENDINGS', possible)

const rows = chosenEndings.flatMap((ending) =>
  chosenHolders
    .filter(({ backend }) => ending.backend === undefined || ending.backend === backend)
    .flatMap((holder) =>
      drivers
        .filter(({ itself }) => itself === 1 || !ending.killsGateway)
        .map((driver) => ({ ending, holder, driver })),
    ),
)

/** For each program the rows that it meets in this run. */
const meetings = programs
  .map(([name, payload]) => {
    const possibly = rows.filter(({ holder }) => holder.takes(payload))
    return {
      name,
      payload,
      of: possibly.filter(({ ending, holder }) => !(ending.several && isAlone(holder, payload))),
    }
  })
  .filter(({ of }) => of.length > 0)
  .flatMap(({ name, payload, of }, number) => {
    const at = (number * STEP) % of.length
    const taken =
      ROUNDS === undefined ? of.slice(at, at + 1) : Array.from({ length: ROUNDS }, () => of).flat()
    return taken.map((row) => ({ name, payload, ...row }))
  })

for (const driver of drivers)
  describe(`${driver.name} nothing is left of`, () => {
    for (const { name, payload, holder, ending } of meetings.filter((meeting) => meeting.driver === driver))
      test(`${name}, held by ${holder.name}, after ${ending.name}`, {
        concurrent: driver.concurrent && !payload.crowds,
        timeout: 120_000 * SLOWNESS,
      }, async ({ skip }) => {
        await using made = await makePens(skip)
        await driver.use(made, holder, (pens, open) =>
          ending.run({ pens, holder, payload, open, itself: driver.itself, skip }),
        )
      })
  })

// Those that an emulated kernel has are too few for all
test.skipIf(EMULATED)(
  'there are at least 30 programs, and each ending, holder and driver has its turn',
  () => {
    const met = (field: 'ending' | 'holder' | 'driver') =>
      new Set(meetings.map((one) => one[field].name)).size
    expect(Object.keys(payloads).length).toBeGreaterThanOrEqual(30)
    const all = new Set(rows.map(({ driver }) => driver)).size
    expect([met('ending'), met('holder'), met('driver')]).toEqual([
      chosenEndings.length,
      chosenHolders.length,
      all,
    ])
  },
)

penTest('close does not wait for the grace time to pass once nobody is left', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn(await commandOf(payloads['stopped processes'], 'stay'))
  await once(session.process.stdout ?? session.process, 'data') // "hidden"
  expect(await session.close({ graceMs: 1_000_000 })).toMatchObject({ killed: { count: 0 } })
})

penTest('the end of a oneshot session ends the output that a leftover held open', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn(await commandOf(payloads['a process that holds stdout open'], 'leave'))
  session.process.stdout?.resume()
  await once(session.process, 'close')
  await session.closed
})
