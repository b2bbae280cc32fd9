// The clone itself made to fail, by strace(1) on the spawner's thread: it is one instruction, with nothing to preload.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import type { Corral, CorralError } from '../../../src/index.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'
import { hasStrace } from './traced.js'

const TASKS = `/proc/${process.pid}/task`

const spawners = () =>
  readdirSync(TASKS).filter((tid) => readFileSync(`${TASKS}/${tid}/comm`, 'utf8') === 'corral-spawner\n')

/** What a spawn comes to while each clone of the spawner fails so. */
async function spawnUnder(corral: Corral, option: string): Promise<string> {
  const [spawner] = spawners()
  const strace = spawn('strace', ['-p', String(spawner), '-e', option, '-o', '/dev/null'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(strace, 'exit')
  try {
    await once(strace.stderr, 'data') // “attached”
    return await corral.spawn({ command: 'true' }).then(
      async (session) => (await session.closed).reason,
      ({ code, systemCode, syscall }: CorralError) => `${code} ${systemCode} ${syscall}`,
    )
  } finally {
    strace.kill('SIGINT')
    await exited
  }
}

describe.skipIf(!hasStrace())('the clone of a leader', () => {
  test.for(['EAGAIN', 'ENOMEM', 'EMFILE', 'EBUSY'])(
    'fails with %s, and leaves nothing',
    async (errno, { pen }) => {
      const corral = await openInPen(pen)
      await corral.spawn({ command: 'true' }).then((session) => session.closed)
      const before = await pen.groups()
      expect(await spawnUnder(corral, `inject=clone3:error=${errno}`)).toBe(
        `CORRAL_SPAWN_FAILED ${errno} clone`,
      )
      expect(corral.list()).toEqual([])
      expect(await pen.groups()).toEqual(before)
      const session = await corral.spawn({ command: 'true' })
      expect((await session.closed).reason).toBe('oneshot-complete')
    },
  )

  test.for(['EPERM', 'ENOSYS'])('is done without clone3 where that says %s', async (errno, { pen }) => {
    const corral = await openInPen(pen)
    await corral.spawn({ command: 'true' }).then((session) => session.closed)
    expect(await spawnUnder(corral, `inject=clone3:error=${errno}`)).toBe('oneshot-complete')
  })
})
