// How another guard or keeper follows one that died, and what is told of it.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { GuardEvent } from '../../src/backend/facts.js'
import { Restarts } from '../../src/backend/restarts.js'

// That of the code is the real one
const clock = {
  setTimeout: ((...given: Parameters<typeof setTimeout>) => setTimeout(...given)) as typeof setTimeout, // timer: vitest’s faked one
  now: () => performance.now(), // timer: as above
}

const start = vi.fn<() => Promise<void>>()
const events: GuardEvent[] = []
let restarts: Restarts

beforeEach(() => {
  vi.useFakeTimers()
  events.length = 0
  start.mockReset().mockImplementation(async () => restarts.started())
  restarts = new Restarts(start, (event) => events.push(event), clock)
  restarts.started()
})
afterEach(() => vi.useRealTimers())

/** How long it is until the next start, in ms. */
async function untilNextStart(): Promise<number> {
  const before = performance.now() // timer: vitest’s faked one
  const starts = start.mock.calls.length
  while (start.mock.calls.length === starts) await vi.advanceTimersToNextTimerAsync()
  await restarts.underWay
  return performance.now() - before // timer: as above
}

describe('another', () => {
  test('comes at once, and is told of', async () => {
    restarts.died()
    expect(start).toHaveBeenCalledOnce()
    await restarts.underWay
    expect(events).toEqual([
      { event: 'died', deaths: 1 },
      { event: 'restarted', deaths: 1 },
    ])
  })

  test('comes after longer and longer pauses when they go on dying', async () => {
    restarts.died()
    await restarts.underWay
    const pauses = []
    for (let i = 0; i < 5; i++) {
      restarts.died()
      pauses.push(await untilNextStart())
    }
    expect(pauses).toEqual([10, 100, 1000, 5000, 5000])
    expect(restarts.deaths).toBe(6)
  })

  test('is tried for until it can be started', async () => {
    const refused = new Error('refused')
    start.mockRejectedValueOnce(refused).mockRejectedValueOnce(refused)
    restarts.died()
    await restarts.underWay
    expect(await untilNextStart()).toBe(10)
    expect(await untilNextStart()).toBe(100)
    expect(events.map(({ event }) => event)).toEqual(['died', 'failed', 'failed', 'restarted'])
    expect(events[1]).toEqual({ event: 'failed', deaths: 1, error: refused })
  })

  test('comes at once again after one that lived long', async () => {
    for (let i = 0; i < 3; i++) {
      restarts.died()
      if (i > 0) await untilNextStart()
    }
    await vi.advanceTimersByTimeAsync(60_001)
    restarts.died()
    expect(start).toHaveBeenCalledTimes(4)
  })

  test('is not started at once where the first one cannot be', async () => {
    restarts.failed(new Error('refused'))
    expect(start).not.toHaveBeenCalled()
    expect(await untilNextStart()).toBe(10)
  })

  test('is not started when none is wanted any more', async () => {
    restarts.failed(new Error('refused'))
    restarts.over = true
    restarts.died()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(start).not.toHaveBeenCalled()
    expect(events.map(({ event }) => event)).toEqual(['failed'])
  })
})
