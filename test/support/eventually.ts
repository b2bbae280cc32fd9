// Waiting for what the kernel or a process brings about, with a bound and with words for the case that it
// does not.
import { setTimeout as pause } from 'node:timers/promises'

export interface Patience {
  withinMs?: number
  everyMs?: number
  /** Whether a slow machine has longer; not where what follows is another try. */
  stretched?: boolean
  /** What there is instead: asked once the time is over and added to the message. */
  instead?: () => unknown
}

/** How many times longer than usual anything may take here: measured at the start of the run (measure-slowness.mjs), or given. */
export const SLOWNESS = Number(process.env['CORRAL_TEST_SLOWNESS'] ?? 1)

/** Whether the kernel here is User Mode Linux, or a whole machine that QEMU emulates: each system call takes many times longer. */
export const EMULATED = process.env['CORRAL_TEST_EMULATED'] === '1'

type Truthy<T> = Exclude<T, null | undefined | false | 0 | ''>

/** Resolves with the first truthy value of `condition`; rejects when there was none within the time. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  { withinMs = 5000, everyMs = 5, stretched = true, instead }: Patience = {},
): Promise<Truthy<T>> {
  const bound = stretched ? withinMs * SLOWNESS : withinMs
  const deadline = performance.now() + bound
  for (;;) {
    const value = await condition()
    if (value) return value as Truthy<T>
    if (performance.now() > deadline) break
    await pause(everyMs)
  }
  const found = instead ? `; instead: ${JSON.stringify(await instead())}` : ''
  throw new Error(`not within ${bound} ms: ${what}${found}`)
}
