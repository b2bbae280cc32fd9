// `corral usage`: sums of ledgers, as a table and as JSON.
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { newLedger } from '../support/ledger-lines.js'
import { refused as corral } from './command-line.js'

const NOW = Date.now() // timer: --since is counted from then

const line = (fields: object) => `${JSON.stringify({ v: 1, boot: 'b', endedAt: NOW, ...fields })}\n`

/** One that is read twice has the lines of three sessions, a double, and a cut one. */
async function ledgerOf(...more: object[]): Promise<string> {
  const file = await newLedger()
  const lines = [
    {
      id: '1',
      key: 'a\u009b',
      startedAt: NOW - 90_000,
      cpuUs: 1_500_000,
      reason: 'closed',
      memoryPeakBytes: 2048,
    },
    { id: '2', key: 'b', cpuUs: 250_000, exitCode: 1, reason: 'oneshot-complete', ioReadBytes: 10 },
    { id: '3', key: 'b', exitCode: 0, reason: 'oneshot-complete', killed: 2 },
    { id: '3', key: 'b', reason: 'gateway-gone' },
  ]
  writeFileSync(file, `${[...lines, ...more].map(line).join('')}{"v":1,"id"`)
  return file
}

test('a table has those that used most first, what is not known, and what was passed over', async () => {
  const { status, stdout, stderr } = await corral(['usage', await ledgerOf()])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.split('\n')).toEqual([
    'KEY      SESSIONS  FAILED  TIME    CPU    PEAK   READ  WRITTEN  KILLED  ENDED',
    'a\\u009b  1         0       1m30s   1.5s   2.0K   -     -        -       closed 1',
    'b        2         1       -       0.3s+  -      10B+  -        2+      oneshot-complete 2',
    '(all)    3         1       1m30s+  1.8s+  2.0K+  10B+  -        2+      oneshot-complete 2, closed 1',
    '1 line passed over: cut, or not of a ledger',
    '1 line passed over: of sessions that had one already',
    '',
  ])
})

test('--since leaves out what ended before, --by puts together by something else, --json is for programs', async () => {
  const old = { id: '4', reason: 'closed', endedAt: NOW - 3 * 3_600_000, cpuUs: 1 }
  const { stdout } = await corral(['usage', '--since', '2h', '--by', 'reason', '--json', await ledgerOf(old)])
  expect(JSON.parse(stdout)).toMatchObject({
    by: 'reason',
    groups: [
      { reason: 'closed', sessions: 1, cpuUs: 1_500_000, known: { cpuUs: 1 } },
      { reason: 'oneshot-complete', sessions: 2, failed: 1, killed: 2, known: { killed: 1 } },
    ],
    all: { sessions: 3 },
    read: { sessions: 4, doubles: 1, unreadable: 1 },
  })
})

test.each([
  [
    ['--since', 'yesterday'],
    2,
    /^corral: Invalid --since: expected a time such as 90m, 12h, 1d or 2w, or a date/,
  ],
  [['--by', 'size'], 2, /Allowed choices are key, parent, command, reason/],
  [['/nowhere/ledger'], 1, /^corral: the ledger \/nowhere\/ledger cannot be read: ENOENT/],
])('%j is refused', async (words, status, message) => {
  const outcome = await corral(['usage', ...words, await ledgerOf()])
  expect(outcome).toMatchObject({ status, stderr: expect.stringMatching(message) })
})
