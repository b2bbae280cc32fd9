// A contained process is what child_process would have given.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { expect } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { output } from '../../support/output.js'
import { test } from '../../support/pen-test.js'

const sockets = () =>
  readdirSync('/proc/self/fd')
    .map(linkOf)
    .filter((link) => link.startsWith('socket:')).length
const linkOf = (fd: string) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // that of the listing
  }
}

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
  expect(() => other.kill('SIGNONE' as NodeJS.Signals)).toThrow(/Invalid signal: .*got 'SIGNONE'/)
  expect(other.kill(0)).toBe(true)
  expect(other.kill('SIGINT')).toBe(true)
  expect(await other.exited).toEqual({ code: null, signal: 'SIGINT' })
  expect(other.kill()).toBe(false)
  expect(session.process.exitCode ?? session.process.signalCode).toBeNull()
})

test('output of a program that ends at once can be read when spawn() resolves', async ({ pen }) => {
  const corral = await openInPen(pen)
  for (let round = 0; round < 100; round++) {
    const session = await corral.spawn({ command: 'echo', args: ['here'] })
    expect(await output(session.process.stdout)).toBe('here\n')
    await session.closed
  }
})

test('streams that nobody asked for hold nothing up, and give all when they are', async ({ pen }) => {
  const corral = await openInPen(pen)
  const before = sockets()
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', 'echo unread; exec head -c 150000 /dev/zero >&2'],
  })
  const [code] = await once(session.process, 'close')
  expect(code).toBe(0)
  await session.closed
  await eventually('no descriptor is left', () => sockets() === before)
  expect(await output(session.process.stdout)).toBe('unread\n')
  expect(await output(session.process.stderr)).toHaveLength(150_000)
  expect(session.process.stdout?.destroyed).toBe(true)
})

test('a stream that was asked for early and is read after the end gives all, and leaves no descriptor unread', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const before = sockets()
  const { process: child, closed } = await corral.spawn({
    command: 'sh',
    args: ['-c', 'echo out; exec head -c 150000 /dev/zero >&2'],
  })
  const { stdout, stderr } = child
  await once(child, 'close')
  await closed
  await eventually('no descriptor is left', () => sockets() === before)
  expect(await output(stdout)).toBe('out\n')
  expect(await output(stderr)).toHaveLength(150_000)
})

test('several sessions that are awaited together and then read lose nothing', async ({ pen }) => {
  const corral = await openInPen(pen)
  for (let round = 0; round < 20; round++) {
    const sessions = await Promise.all(
      [1, 2, 3, 4, 5].map((number) => corral.spawn({ command: 'echo', args: [`out ${number}`] })),
    )
    const read = await Promise.all(sessions.map(({ process }) => output(process.stdout)))
    expect(read).toEqual([1, 2, 3, 4, 5].map((number) => `out ${number}\n`))
  }
})

test('what others write after the end of the process that was started is kept for a late reader', async ({
  pen,
}) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', '(sleep 0.2; echo later) & echo sooner'],
    mode: 'persistent',
  })
  await session.process.exited
  await eventually('the rest has ended', () => session.members().length === 0)
  const further = await session.spawn('sh', ['-c', '(sleep 1000; echo never) & echo further'])
  await further.exited
  await session.close({ graceMs: 0 })
  expect(await output(session.process.stdout)).toBe('sooner\nlater\n')
  if (corral.backend !== 'passthrough') expect(await output(further.stdout)).toBe('further\n')
})

test('output that is closed unread before the process ends keeps nothing from closing', async ({ pen }) => {
  const corral = await openInPen(pen)
  const script = 'exec 2>&-; echo closed; read line; exit 7'
  const { process: child } = await corral.spawn({ command: 'sh', args: ['-c', script] })
  const closed = once(child, 'close')
  await line(child.stdout ?? process.stdin, /^closed$/)
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate) // Node hears of that end of stderr's
  child.stdin?.end('go\n')
  expect(await closed).toEqual([7, null])
})

test('a reader that comes after the end, and is slow, gets all before close', async ({ pen }) => {
  const corral = await openInPen(pen)
  const { process: child } = await corral.spawn({ command: 'head', args: ['-c', '150000', '/dev/zero'] })
  const closed = once(child, 'close')
  let read = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    read += chunk.length
    child.stdout?.pause()
    setImmediate(() => child.stdout?.resume())
  })
  await closed
  expect(read).toBe(150_000)
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
