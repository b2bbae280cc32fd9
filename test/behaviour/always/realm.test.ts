// What a session has of the code that starts it: its environment, its timers, its directory, its signals, and how long its event
// loop lives.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { BACKEND, inPen } from '../../support/backend.js'
import { openInPen } from '../../support/open-in-pen.js'
import { output } from '../../support/output.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const PROGRAM = fileURLToPath(new URL('../fixtures/realm.mjs', import.meta.url))

/** The lines of such a program, which has to end by itself, with 0. */
async function lines(pen: Pen, what: string): Promise<string[]> {
  const program = spawn(process.execPath, ['--no-warnings', PROGRAM, what, JSON.stringify(inPen(pen))], {
    env: { ...process.env, SECRET: 'gateway' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(program, 'exit')
  const text = await output(program.stdout)
  expect(await exit).toEqual([0, null])
  return text.trim().split('\n')
}

describe('the environment is that of the code that spawns:', () => {
  test.for([
    ['of the process', 'environments', 'secret: gateway, own: none'],
    ['of a worker that has its own', 'worker', 'secret: none, own: worker'],
    ['one that was put in its place', 'replaced', 'secret: none, own: replacement'],
  ] as const)('%s, by itself, when it is given, and as a prototype', async ([, what, expected], { pen }) => {
    expect(await lines(pen, what)).toEqual([expected, expected, expected])
  })
})

test('timers that stand still hold up no start and no end', async ({ pen }) => {
  expect(await lines(pen, 'timers')).toEqual(['3', 'timeout', '0'])
})

test('what a process inherits is what the gateway has when it spawns, not what it had when it opened', async ({
  pen,
}) => {
  const names = [
    'umask',
    'soft limits',
    'hard limits',
    'oom_score_adj',
    'nice value',
    'affinity',
    'I/O priority',
  ]
  expect(await lines(pen, 'changed')).toEqual(
    ['nothing', ...names, 'policy'].map((name) => `${name} changed: the same`),
  )
})

test('a directory that is gone is had all the same', async ({ pen }) => {
  expect(await lines(pen, 'directory')).toEqual(['it (deleted)', 'it (deleted)', '/'])
})

describe('who awaits the end of a session gets it, whatever else goes on:', () => {
  test.for([
    ['of one that others start', 'wrapped', '0'],
    ['of one that an abort is to close', 'aborted', 'aborted'],
    ['of one whose process was unreferenced', 'unreferenced', '0'],
  ] as const)('%s', async ([, what, expected], { pen }) => {
    expect(await lines(pen, what)).toEqual([expected])
  })
})

test('an AbortSignal of another realm, or of a library, is one', async ({ pen }) => {
  const corral = await openInPen(pen)
  const target = new EventTarget()
  const signal = {
    aborted: false,
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  }
  const sleeper = { command: 'sleep', args: ['1000'], graceMs: 0, signal: signal as unknown as AbortSignal }
  const session = await corral.spawn(sleeper)
  signal.aborted = true
  target.dispatchEvent(new Event('abort'))
  expect(await session.closed).toMatchObject({ reason: 'aborted' })
  await expect(corral.spawn(sleeper)).rejects.toMatchObject({ name: 'AbortError' })
  expect(corral.list()).toEqual([])
  expect(corral.backend).toBe(BACKEND)
})
