// An ending asks in order: the end of input, then SIGTERM or stopSignal, then SIGKILL.
import { once } from 'node:events'
import { expect } from 'vitest'
import type { SpawnOptions } from '../../../src/index.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { output } from '../../support/output.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

// Longer than any of these may take
const LONG = 600_000

/** An agent that tells of each time that it is asked; at the end of its input it does `onEnd`. */
function agent(onEnd: string): Pick<SpawnOptions, 'command' | 'args' | 'mode'> {
  const script = `
    process.stdin.resume().on('end', () => { console.log('end'); ${onEnd} })
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => { console.log(name); process.exit(4) })
    setInterval(() => undefined, 1000) // timer: keeps it alive
    console.log('ready')`
  return { command: process.execPath, args: ['-e', script], mode: 'persistent' }
}

async function told(pen: Pen, options: SpawnOptions) {
  const corral = await openInPen(pen)
  const session = await corral.spawn(options)
  const { stdout } = session.process
  const said = output(stdout)
  await line(stdout as NonNullable<typeof stdout>, /^ready$/)
  return { session, words: said.then((text) => text.trim().split('\n').slice(1)) }
}

test('an agent that saves at the end of its input is let', async ({ pen }) => {
  const { session, words } = await told(
    pen,
    agent("setTimeout(() => { console.log('saved'); process.exit(0) }, 300)"), // timer: it takes a while to save
  )
  const report = await session.close({ graceMs: 2 * LONG, inputGraceMs: LONG })
  expect(report).toMatchObject({ exitCode: 0, killed: { count: 0 }, graceMs: 2 * LONG })
  expect(await words).toEqual(['end', 'saved'])
})

test('one that does not end gets stopSignal after the first part of the grace time, by default a quarter', async ({
  pen,
}) => {
  const { session, words } = await told(pen, { ...agent(''), graceMs: 400, stopSignal: 'SIGINT' })
  const report = await session.close()
  expect(report.graceUsedMs).toBeGreaterThanOrEqual(100)
  expect(report.graceUsedMs).toBeLessThanOrEqual(400)
  if (report.exitCode !== null) expect(await words).toEqual(['end', 'SIGINT'])
})

test('the others are asked as soon as the leader has ended', async ({ pen }) => {
  const { session } = await told(pen, { ...agent('process.exit(0)'), graceMs: 2 * LONG, inputGraceMs: LONG })
  const other = await session.spawn('sleep', ['1000'])
  expect(await session.close()).toMatchObject({ exitCode: 0, killed: { count: 0 } })
  expect(await other.exited).toEqual({ code: null, signal: 'SIGTERM' })
})

test('what has no input of ours is asked at once', async ({ pen }) => {
  const corral = await openInPen(pen, { graceMs: 2 * LONG, inputGraceMs: LONG })
  const session = await corral.spawn({ command: 'sleep', args: ['1000'], stdio: 'ignore' })
  expect(await session.close()).toMatchObject({ signal: 'SIGTERM', killed: { count: 0 } })
})

test('an ending in a hurry cuts it short', async ({ pen }) => {
  const { session, words } = await told(pen, { ...agent(''), inputGraceMs: LONG })
  const closed = session.close({ graceMs: 2 * LONG })
  await session.close({ graceMs: 0 })
  expect(await closed).toMatchObject({ signal: 'SIGKILL', killed: { count: 1 } })
  expect(await words).not.toContain('SIGTERM')
})

test('corral.close() asks so too', async ({ pen }) => {
  const corral = await openInPen(pen, { graceMs: 2 * LONG, inputGraceMs: LONG })
  const session = await corral.spawn({ command: 'sh', args: ['-c', 'cat; exit 3'] })
  const exit = once(session.process, 'exit')
  await corral.close()
  expect(await exit).toEqual([3, null])
})
