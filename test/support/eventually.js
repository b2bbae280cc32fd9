// How tests wait: for what the kernel or a process brings about, with a bound and with words for the case that it does not.
// That something does *not* happen has no event, so stays() waits for time, and nothing else in test/ does (check-waits.mjs).
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'

/** How many times longer than usual anything may take here: measured at the start of the run (measure-slowness.mjs), or given. */
export const SLOWNESS = Number(process.env['CORRAL_TEST_SLOWNESS'] ?? 1)

/** Whether the kernel here is User Mode Linux, or a whole machine that QEMU emulates: each system call takes many times longer. */
export const EMULATED = process.env['CORRAL_TEST_EMULATED'] === '1'

// Nothing here takes more than two seconds on the reference machine
const WITHIN_MS = 20_000

/**
 * @typedef {object} Patience
 * @property {number} [withinMs] on the reference machine: a slow one has longer
 * @property {number} [everyMs]
 * @property {boolean} [stretched] whether a slow machine has longer; false where what follows is another try
 * @property {() => unknown} [instead] what there is instead: asked once the time is over and added to the message
 */

/**
 * Resolves with the first truthy value of `condition`; rejects when there was none within the time.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} condition
 * @param {Patience} [patience]
 * @returns {Promise<Exclude<T, null | undefined | false | 0 | ''>>}
 */
export async function eventually(
  what,
  condition,
  { withinMs = WITHIN_MS, everyMs = 5, stretched = true, instead } = {},
) {
  const bound = stretched ? withinMs * SLOWNESS : withinMs
  const deadline = performance.now() + bound
  for (;;) {
    const value = await condition()
    if (value) return /** @type {any} */ (value)
    if (performance.now() > deadline) break
    await pause(everyMs)
  }
  const found = instead ? `; instead: ${JSON.stringify(await instead())}` : ''
  throw new Error(`not within ${bound} ms: ${what}${found}`)
}

/**
 * Settles as the promise does; rejects when it has not within the time, which a slow machine has more of.
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @param {number} [withinMs]
 * @returns {Promise<T>}
 */
export async function within(what, promise, withinMs = WITHIN_MS) {
  const bound = withinMs * SLOWNESS
  const settled = new AbortController()
  const late = async () => {
    await pause(bound, undefined, { signal: settled.signal })
    throw new Error(`not within ${bound} ms: ${what}`)
  }
  try {
    return await Promise.race([promise, late()])
  } finally {
    settled.abort()
  }
}

/**
 * Resolves when `condition` has held for the whole time, and rejects as soon as it does not: for what must not happen, of
 * which no event tells. `why` says what would have happened by then; a slow machine has longer for it.
 * @param {() => unknown} condition
 * @param {{ forMs: number, why: string, everyMs?: number, stretched?: boolean }} time
 */
export async function stays(condition, { forMs, why, everyMs = 10, stretched = true }) {
  const began = performance.now()
  const end = began + (stretched ? forMs * SLOWNESS : forMs)
  for (;;) {
    if (!(await condition()))
      throw new Error(`no more after ${Math.round(performance.now() - began)} ms: ${why}`)
    const left = end - performance.now()
    if (left <= 0) return
    await pause(Math.min(everyMs, left))
  }
}

/**
 * Resolves with what is observed once a tenth of a second has not changed it.
 * @template T
 * @param {() => T} observe
 * @returns {Promise<T>}
 */
export async function atRest(observe) {
  let last = observe()
  const isSame = () => {
    const before = last
    last = observe()
    return isDeepStrictEqual(last, before)
  }
  const everyMs = 100 * SLOWNESS
  await eventually('it is at rest', () => pause(everyMs).then(isSame), { everyMs: 0 })
  return last
}
