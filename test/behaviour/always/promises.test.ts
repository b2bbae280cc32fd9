// What a session gets that depends on what holds it, and is tried nowhere else: rows of test/support/differences.ts.
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Session } from '../../../src/index.js'
import { differs } from '../../support/differences.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

/** The terminal session of a process: number 6 of proc_pid_stat(5). */
function terminalSession(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
}

const holderOf = ({ receipt }: Session) => Number(receipt.path.split('/').at(-1))

test('a session has the terminal of the gateway, or that of its holder', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'sleep', args: ['1000'] })
  const expected = differs('terminal', {
    cgroup: () => terminalSession(process.pid),
    subreaper: () => holderOf(session),
    passthrough: () => terminalSession(process.pid),
  })
  expect(terminalSession(session.process.pid)).toBe(expected)
})

test('the report says what was used, as far as that is counted', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { closed } = await corral.spawn({
    command: 'sh',
    args: ['-c', 'for i in 1 2 3 4 5; do ls / >/dev/null; done'],
  })
  const { usage } = await closed
  const counted = () => {
    expect(usage).toMatchObject({ cpuUserMs: expect.any(Number), cpuSystemMs: expect.any(Number) })
    expect((usage.cpuUserMs ?? 0) + (usage.cpuSystemMs ?? 0)).toBeGreaterThan(0)
  }
  differs('usage', {
    cgroup: counted, // what else there is goes by the controllers of the root: test/kernel/cgroup/limits.test.ts
    subreaper: () => {
      counted()
      expect(Object.keys(usage).sort()).toEqual(['cpuSystemMs', 'cpuUserMs'])
    },
    passthrough: () => expect(usage).toEqual({}),
  })
})
