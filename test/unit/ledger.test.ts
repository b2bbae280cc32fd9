// Ledgers as they are read: cut lines, lines that came twice, and sums of what is known.
import { expect, test } from 'vitest'
import type { LedgerLine } from '../../src/ledger/line.js'
import { Reader } from '../../src/ledger/read.js'
import { Totals } from '../../src/ledger/totals.js'

const line = (fields: object) => `${JSON.stringify({ v: 1, boot: 'b', endedAt: 5000, ...fields })}\n`

async function read(...chunks: string[]) {
  const lines: LedgerLine[] = []
  const reader = new Reader((one) => lines.push(one))
  await reader.read(
    (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk)
    })(),
  )
  return { ids: lines.map(({ id }) => id), lines, counts: reader.counts }
}

test('lines are put together again, wherever the pieces end', async () => {
  const whole = line({ id: '1', key: 'ü' }) + line({ id: '2' }) + line({ id: '3' })
  const bytes = [...Buffer.from(whole)]
  const lines: unknown[] = []
  const reader = new Reader((one) => lines.push(one.key))
  await reader.read(
    (async function* () {
      for (const byte of bytes) yield Buffer.from([byte])
    })(),
  )
  expect(lines).toEqual(['ü', null, null])
})

test('what is no line is passed over and counted', async () => {
  const { ids, counts } = await read(
    line({ id: '1' }),
    '\n{"v":1,"boot"\nnull\n7\n[]\n',
    line({ v: 2, id: '2' }),
    line({ endedAt: 'x' }),
    'x'.repeat(3 << 20),
    'x'.repeat(3 << 20),
    `x\n${line({ id: '3' })}{"v":1,"id"`,
  )
  expect(ids).toEqual(['1', '3'])
  expect(counts).toEqual({ sessions: 2, doubles: 0, unreadable: 8 })
})

test('a session that has two lines counts once, by the first', async () => {
  const { lines, counts } = await read(
    line({ id: '1', reason: 'closed' }),
    line({ id: '2' }),
    line({ id: '1', reason: 'gateway-gone' }),
    line({ id: '1', boot: 'other' }),
    line({ id: null }),
    line({ id: null }),
  )
  expect(lines.map(({ reason }) => reason)).toEqual(['closed', null, null, null, null])
  expect(counts).toEqual({ sessions: 5, doubles: 1, unreadable: 0 })
})

test('of 20,000 sessions in two ledgers none is counted twice, and none is missed', async () => {
  const all = Array.from({ length: 20_000 }, (_, nth) => line({ id: String(33_000_000 + nth * 57) })).join('')
  expect((await read(all, all)).counts).toEqual({ sessions: 20_000, doubles: 20_000, unreadable: 0 })
})

test('what is known is summed up, and told of how many sessions it is', async () => {
  const { lines } = await read(
    line({
      id: '1',
      command: 'a',
      startedAt: 1000,
      cpuUs: 10,
      memoryPeakBytes: 5,
      exitCode: 1,
      reason: 'closed',
    }),
    line({ id: '2', command: 'a', cpuUs: 5, memoryPeakBytes: 7, exitCode: 0, reason: 'closed' }),
    line({ id: '3', command: 'b', signal: 'SIGKILL', reason: 'timeout' }),
    line({ id: '4', cpuUs: 100, reason: 'closed' }),
  )
  const totals = new Totals('command')
  for (const one of lines) totals.add(one)
  expect(totals.groups().map(([name]) => name)).toEqual([null, 'a', 'b'])
  expect(totals.groups()[1]?.[1]).toMatchObject({
    sessions: 2,
    failed: 1,
    measures: { cpuUs: 15, memoryPeakBytes: 7, wallMs: 4000 },
    known: { cpuUs: 2, memoryPeakBytes: 2, wallMs: 1 },
  })
  expect(totals.groups()[2]?.[1].measures).toEqual({})
  expect([...totals.all.reasons]).toEqual([
    ['closed', 3],
    ['timeout', 1],
  ])
})

test('of more names than there is room for, those that used most are kept, and the sums are whole', async () => {
  const totals = new Totals('key')
  const { lines } = await read(line({ id: '1' }))
  const [one] = lines
  if (!one) throw new Error('no line')
  for (let nth = 0; nth < 30_001; nth++) totals.add({ ...one, key: `k${nth}`, cpuUs: nth % 100 })
  expect(totals.groups().length).toBeLessThanOrEqual(20_000)
  expect(totals.groups()[0]?.[1].measures.cpuUs).toBe(99)
  const sessions = totals.groups().reduce((sum, [, { sessions }]) => sum + sessions, totals.others.sessions)
  expect([sessions, totals.all.sessions]).toEqual([30_001, 30_001])
})
