// Caps on processes: a fork bomb stays in its session, and the session closes.
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { compiled } from '../../support/compile-payload.js'
import { needing } from '../../support/controllers.js'
import { eventually } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'

const test = needing('pids')
const source = fileURLToPath(new URL('./payloads/fork-bomb.c', import.meta.url))
const PIDS_MAX = 64

test('a fork bomb is contained, told and counted, and others fork meanwhile', async ({ pen }) => {
  const corral = await openInPen(pen)
  const bomb = await corral.spawn({ command: await compiled(source), limits: { pidsMax: PIDS_MAX } })
  const told = new Promise((resolve) => bomb.once('limit', resolve))
  await line(bomb.process.stdout ?? process.stdin, /^forks$/)
  await eventually('it is at its cap', () => bomb.members().length === PIDS_MAX)
  expect(await told).toMatchObject({ kind: 'pids-limit-hit' })
  for (let round = 0; round < 5; round++) {
    const { exitCode } = await corral
      .spawn({ command: 'sh', args: ['-c', 'true & wait'] })
      .then((s) => s.closed)
    expect(exitCode).toBe(0)
  }

  const report = await bomb.close({ graceMs: 0 })

  expect(report.killed.count).toBeGreaterThan(1)
  expect(report.killed.count).toBeLessThanOrEqual(PIDS_MAX)
  expect(report.hits).toMatchObject([{ kind: 'pids-limit-hit', count: expect.any(Number) }])
  expect(await pen.members()).toEqual([])
})

test('a first limit that comes while the session lives is told of, too', async ({ pen }) => {
  const corral = await openInPen(pen)
  // Persistent: the shell ends when it cannot fork, and with a oneshot session the watch for the event
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', 'read go; sleep 1000'],
    mode: 'persistent',
  })
  const told = new Promise((resolve) => session.once('limit', resolve))
  session.setLimits({ pidsMax: 1 })
  session.process.stdin?.write('go\n')
  expect(await told).toEqual({ kind: 'pids-limit-hit', count: 1 })
})
