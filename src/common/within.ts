// Waiting with a bound: for what belongs to others, and for what may never come.
import { clearTimeout, LONGEST_MS, setTimeout } from './clock.js'

/** What `promise` settles with, or undefined when that takes longer. With `idle` the wait keeps no process alive. */
export function within<Result>(
  promise: Promise<Result>,
  ms: number,
  { idle = false } = {},
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => resolve(undefined), Math.min(ms, LONGEST_MS))
    if (idle) late.unref()
    promise.then(resolve, reject).finally(() => clearTimeout(late))
  })
}

/** Whether the promise settles within the time, whichever way. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = Promise.allSettled([promise]).then(() => true)
  return (await within(settled, ms)) === true
}
