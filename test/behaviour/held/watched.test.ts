// Memory caps that no kernel holds, as a session's owner sees them.
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import { LimitUnsupportedError, type Session } from '../../../src/index.js'
import { BACKEND } from '../../support/backend.js'
import { compiled } from '../../support/compile-payload.js'
import { lacking } from '../../support/controllers.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const MIB = 2 ** 20
const BEST_EFFORT = { enforcement: 'best-effort' } as const
const payload = (name: string) =>
  compiled(fileURLToPath(new URL(`../../kernel/limits/payloads/${name}.c`, import.meta.url)))

function stdoutOf(session: Session) {
  if (!session.process.stdout) throw new Error('the session has no stdout')
  return session.process.stdout
}

describe('without a memory controller', () => {
  const unheld = BACKEND === 'cgroup' ? lacking('memory') : test
  beforeEach(() => void vi.stubEnv('CORRAL_NO_MEMORY_V1', '1'))
  afterEach(() => void vi.unstubAllEnvs())

  unheld('a session over its cap is ended whole, and nothing else is', async ({ pen }) => {
    const instance = await openInPen(pen, BEST_EFFORT)
    const bystander = await instance.spawn({ command: 'sleep', args: ['1000'] })
    const session = await instance.spawn({
      command: await payload('memory'),
      args: ['0', 'in a grandchild'],
      limits: { memoryMax: '64M' },
    })
    expect(session.receipt.limits).toEqual([
      {
        name: 'memoryMax',
        requested: 64 * MIB,
        applied: null,
        enforcedBy: 'watchdog',
        effective: 64 * MIB,
      },
    ])
    const report = await session.closed
    expect(report).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'session', path: session.receipt.path, memoryMax: 64 * MIB },
      killed: { count: 2 },
    })
    expect(report.outOfMemory?.usedBytes).toBeGreaterThan(64 * MIB)
    expect(bystander.state).toBe('running')
    expect(await pen.members()).toEqual([bystander.process.pid])
  })

  unheld('a cap can be set, raised and lowered while the session lives', async ({ pen }) => {
    const instance = await openInPen(pen, BEST_EFFORT)
    const session = await instance.spawn({ command: await payload('memory'), args: ['60'] })
    await line(stdoutOf(session), /^has 60$/)
    session.setLimits({ memoryMax: '128M' })
    expect(session.receipt.limits).toMatchObject([{ requested: 128 * MIB, enforcedBy: 'watchdog' }])
    session.setLimits({ memoryMax: '1G' })
    expect(session.state).toBe('running')
    session.setLimits({ memoryMax: '32M' })
    expect(await session.closed).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { memoryMax: 32 * MIB },
    })
  })

  unheld('a cap that has to be held is refused', async ({ pen }) => {
    const instance = await openInPen(pen)
    const spawning = instance.spawn({ command: 'true', limits: { memoryMax: '64M' } })
    await expect(spawning).rejects.toThrow(LimitUnsupportedError)
    expect(instance.list()).toEqual([])
  })
})
