// Memory caps where no controller holds them: the watchdog looks, and ends what it finds over its cap.

import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import { Watchdog } from '../../../src/backend/watchdog.js'
import type { Session } from '../../../src/index.js'
import { loadNative } from '../../../src/native/addon.js'
import { corral } from '../../cli/command-line.js'
import { compiled } from '../../support/compile-payload.js'
import { lacking } from '../../support/controllers.js'
import { eventually, stays } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const MIB = 2 ** 20
const payload = (name: string) => compiled(fileURLToPath(new URL(`./payloads/${name}.c`, import.meta.url)))

function stdoutOf(session: Session) {
  if (!session.process.stdout) throw new Error('the session has no stdout')
  return session.process.stdout
}

describe('without a memory controller', () => {
  beforeEach(() => void vi.stubEnv('CORRAL_NO_MEMORY_V1', '1'))
  afterEach(() => void vi.unstubAllEnvs())

  lacking('memory')(
    'a command of `corral run` is ended at its cap, with all that it started',
    async ({ pen }) => {
      const { signal, stderr } = await corral([
        ...['run', '--root', pen.path, '--memory-max', '64M', '--best-effort', '--'],
        ...[await payload('memory'), '0', 'in a grandchild'],
      ])
      expect(signal).toBe('SIGKILL')
      expect(stderr).toMatch(
        /^corral: the session uses \d+ bytes of memory, and may use 67108864: it is ended$/m,
      )
      expect(await pen.groups()).toEqual([])
    },
  )
})

describe('the watchdog', () => {
  /** Watches a session under this cap; `used` is how much it uses once that is found to be over it. */
  function watched(session: Session, cap: number): Disposable & { used: number | undefined } {
    const watchdog = new Watchdog(loadNative())
    const found = { used: undefined as number | undefined, [Symbol.dispose]: () => stop() }
    const stop = watchdog.watch({
      path: session.receipt.path,
      cap: () => cap,
      over: (used) => {
        found.used = used
      },
    })
    return found
  }

  /** How much is found of a session that is over this cap. */
  async function over(session: Session, cap: number): Promise<number> {
    using found = watched(session, cap)
    return await eventually('it is found to be over its cap', () => found.used)
  }

  async function expectBelow(session: Session, cap: number): Promise<void> {
    using found = watched(session, cap)
    await stays(() => found.used === undefined, { forMs: 500, why: 'the watchdog has looked several times' })
  }

  test('finds what is over its cap, and leaves what is below it', async ({ pen }) => {
    const instance = await openInPen(pen)
    const session = await instance.spawn({ command: await payload('memory'), args: ['60'] })
    await line(stdoutOf(session), /^has 60$/)
    const used = await over(session, 50 * MIB)
    expect(used).toBeGreaterThan(60 * MIB)
    expect(used).toBeLessThan(70 * MIB)
    await expectBelow(session, 80 * MIB)
  })

  test('counts memory that is shared once', async ({ pen }) => {
    const instance = await openInPen(pen)
    const session = await instance.spawn({ command: await payload('shared-memory'), args: ['40'] })
    await line(stdoutOf(session), /^has 40$/)
    // Three processes with 40 MiB resident each
    await expectBelow(session, 60 * MIB)
    expect(await over(session, 30 * MIB)).toBeLessThan(50 * MIB)
  })

  test('looks seldom where there is room, and never once it is stopped', async () => {
    const looks: number[] = []
    const native = {
      memoryUsed: () => {
        looks.push(performance.now()) // timer: at least so long between two looks
        return Promise.resolve(MIB)
      },
    }
    const stop = new Watchdog(native).watch({ path: '/nowhere', cap: () => 2 ** 40, over: () => undefined })
    await eventually('it looks', () => looks.length === 2)
    stop()
    expect((looks[1] ?? 0) - (looks[0] ?? 0)).toBeGreaterThan(900)
    await stays(() => looks.length === 2, { forMs: 1200, why: 'it looked each second until then' })
  })

  test('takes a group that is gone for empty', async () => {
    expect(await loadNative().memoryUsed('/sys/fs/cgroup/nobody-has-made-this', 0)).toBe(0)
  })
})
