// A contained process is what child_process would have given.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'
import { openInPen } from '../../support/open-in-pen.js'
import { output } from '../../support/output.js'
import { test } from '../../support/pen-test.js'

test('can be used wherever a ChildProcess is wanted', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'cat' })
  const child: ChildProcess = session.process
  expect(child.spawnfile).toBe('cat')
  expect(child.spawnargs).toEqual(['cat'])
  const closed = once(child, 'close')
  child.stdin?.write('to and ')
  child.stdin?.end('fro')
  expect(await output(child.stdout)).toBe('to and fro')
  expect(await closed).toEqual([0, null])
  expect([child.exitCode, child.signalCode, child.killed]).toEqual([0, null, false])
})

test("tells 'spawn', 'exit' and 'close' in this order, with all output before 'close'", async ({ pen }) => {
  const corral = await openInPen(pen)
  const { process: child } = await corral.spawn({ command: 'sh', args: ['-c', 'printf out; exit 7'] })
  const events: unknown[] = []
  for (const name of ['spawn', 'exit', 'close'])
    child.on(name, (...args: unknown[]) => events.push([name, ...args]))
  child.stdout?.on('data', (data: Buffer) => events.push(['data', String(data)]))
  await once(child, 'close')
  const without = events.filter((event) => (event as string[])[0] !== 'data')
  expect(without).toEqual([['spawn'], ['exit', 7, null], ['close', 7, null]])
  expect(events).toContainEqual(['data', 'out'])
  expect(events.at(-1)).toEqual(['close', 7, null])
})

test('kill() signals that process alone, once it is over it is false, and a bad signal is refused', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'sleep', args: ['1000'], mode: 'persistent' })
  const other = await session.spawn('sleep', ['1000'])
  expect(() => other.kill('SIGNONE' as NodeJS.Signals)).toThrow(/'SIGNONE' is not a signal/)
  expect(other.kill(0)).toBe(true)
  expect(other.kill('SIGINT')).toBe(true)
  expect(await other.exited).toEqual({ code: null, signal: 'SIGINT' })
  expect(other.kill()).toBe(false)
  expect(session.process.exitCode ?? session.process.signalCode).toBeNull()
})

test('output of a program that ends at once is there for whoever asks when spawn() resolves', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  for (let round = 0; round < 100; round++) {
    const session = await corral.spawn({ command: 'echo', args: ['here'] })
    expect(await output(session.process.stdout)).toBe('here\n')
    await session.closed
  }
})

test('streams that nobody asked for hold nothing up and leave no descriptor', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'sh', args: ['-c', 'echo unread'] })
  const [code] = await once(session.process, 'close')
  expect(code).toBe(0)
  expect(session.process.stdout?.destroyed).toBe(true)
  await session.closed
})

test('a descriptor above 2 is a two-way stream', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', 'read line <&3; echo "got $line" >&3'],
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  const channel = session.process.stdio[3] as unknown as import('node:net').Socket
  channel.write('this\n')
  expect(await output(channel)).toBe('got this\n')
  expect(session.process.stdin).toBeNull()
})
