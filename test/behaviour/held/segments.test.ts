// SysV segments that a session leaves: its report names those whose creator is known, and nobody is attached to.
import { execFileSync, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, onTestFinished } from 'vitest'
import { readSegments } from '../../../src/linux/shared-memory.js'
import { compiled } from '../../support/compile-payload.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const BYTES = 1 << 20
let segment: string

beforeAll(async () => {
  segment = await compiled(fileURLToPath(new URL('payloads/segment.c', import.meta.url)))
})

/** The id that a process says, of a segment that is gone after the test. */
async function idOf(stdout: Readable | null): Promise<number> {
  if (!stdout) throw new Error('no stdout')
  const id = Number(await line(stdout, /^\d+$/))
  onTestFinished(() => void execFileSync('ipcrm', ['-m', `${id}`]))
  return id
}

const left = (id: number, creator: number) => ({
  count: 1,
  bytes: BYTES,
  segments: [{ id, bytes: BYTES, creator }],
})

test('of its leader', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: segment, args: [`${BYTES}`] })
  const id = await idOf(session.process.stdout)
  expect((await session.closed).segmentsLeft).toEqual(left(id, session.process.pid))
})

test('of a process that was started in it', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'cat', mode: 'persistent' })
  const further = await session.spawn(segment, [`${BYTES}`])
  const id = await idOf(further.stdout)
  await further.exited
  expect((await session.close({ graceMs: 0 })).segmentsLeft).toEqual(left(id, further.pid))
})

test('of a child of its leader, and none of somebody else', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({
    command: 'sh',
    args: ['-c', '"$0" "$1" stay & wait', segment, `${BYTES}`],
    mode: 'persistent',
  })
  const id = await idOf(session.process.stdout)
  const other = spawn(segment, [`${BYTES}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await idOf(other.stdout)
  const creator = readSegments().find((one) => one.id === id)?.creator ?? 0
  expect(session.members()).toContain(creator)
  expect((await session.close({ graceMs: 0 })).segmentsLeft).toEqual(left(id, creator))
})

test('but none that somebody is attached to', async ({ pen }) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: segment, args: [`${BYTES}`, 'stay'] })
  const id = await idOf(session.process.stdout)
  const user = spawn(segment, ['attach', `${id}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void user.kill('SIGKILL'))
  await line(user.stdout, /^attached$/)
  expect(await session.close({ graceMs: 0 })).not.toHaveProperty('segmentsLeft')
})
