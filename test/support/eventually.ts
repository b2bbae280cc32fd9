// Waiting for what the kernel or a process brings about, with a bound and with words for the case that it
// does not.
import { setTimeout as pause } from 'node:timers/promises'

export interface Patience {
  withinMs?: number
  everyMs?: number
  /** What there is instead: asked once the time is over and added to the message. */
  instead?: () => unknown
}

type Truthy<T> = Exclude<T, null | undefined | false | 0 | ''>

/** Resolves with the first truthy value of `condition`; rejects when there was none within the time. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  { withinMs = 5000, everyMs = 5, instead }: Patience = {},
): Promise<Truthy<T>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value) return value as Truthy<T>
    if (performance.now() > deadline) break
    await pause(everyMs)
  }
  const found = instead ? `; instead: ${JSON.stringify(await instead())}` : ''
  throw new Error(`not within ${withinMs} ms: ${what}${found}`)
}
