// `corral sweep` collects what gateways left that were killed, and nothing of those that live.
import { describe, expect } from 'vitest'
import { openInPen } from '../support/open-in-pen.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'
import { corral, orphan, running } from './command-line.js'

/** A `corral run` that was killed with its guard, and whose session goes on without it. */
async function leave(pen: Pen): Promise<void> {
  const others = await pen.members()
  const run = await running(
    pen,
    ['--session', 'orphan', '--parent', 'mother'],
    'setsid sleep 1000 & echo ready; exec sleep 1000',
  )
  await orphan(run, pen)
  expect(await pen.members()).toHaveLength(others.length + 2)
}

describe('corral sweep', () => {
  test('collects the session of a gateway that was killed', async ({ pen }) => {
    await leave(pen)
    const { status, stdout, stderr } = await corral(['sweep', '--root', pen.path])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^collected i[0-9a-f]+: 1 sessions, 2 processes\n$/)
    expect(await pen.groups()).toEqual([])
  })

  test('--dry-run only says so, as often as it is asked', async ({ pen }) => {
    await leave(pen)
    const [before, groups] = [await pen.members(), await pen.groups()]
    for (let round = 0; round < 2; round++) {
      const { status, stdout } = await corral(['sweep', '--dry-run', '--root', pen.path])
      expect(status).toBe(0)
      expect(stdout).toMatch(/^would collect i[0-9a-f]+: 1 sessions, 2 processes\n$/)
    }
    expect(await pen.members()).toEqual(before)
    expect(await pen.groups()).toEqual(groups)
  })

  test('--json tells the same to programs', async ({ pen }) => {
    await leave(pen)
    const live = await openInPen(pen, { sweep: false })
    const { stdout } = await corral(['sweep', '--json', '--root', pen.path])
    expect(JSON.parse(stdout)).toEqual({
      collected: [
        {
          instance: expect.stringMatching(/^i[0-9a-f]+$/),
          path: expect.stringContaining(`${pen.path}/corral/`),
          sessions: 1,
          processes: 2,
        },
      ],
      live: [live.id],
      failed: [],
    })
  })

  test('touches nothing of a gateway that lives', async ({ pen }) => {
    const live = await openInPen(pen, { sweep: false })
    const session = await live.spawn({ command: 'cat', mode: 'persistent' })
    await leave(pen)
    expect((await corral(['sweep', '--root', pen.path])).status).toBe(0)
    expect(session.state).toBe('running')
    expect(await pen.members()).toEqual([session.process.pid])
    const { stdout } = await corral(['sweep', '--root', pen.path])
    expect(stdout).toBe('nothing to collect (1 live)\n')
  })

  test('of an empty root has nothing to do', async ({ pen }) => {
    const { status, stdout } = await corral(['sweep', '--root', pen.path])
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'nothing to collect (0 live)\n' })
    expect(await pen.groups()).toEqual([])
  })
})
