// The tests that are run more than once: for each mechanism, and in each container.
import { timeouts } from './timeouts.js'

/** What a session does, whether anything holds it or not. */
export const ALWAYS = 'test/behaviour/always/**/*.test.ts'

/** What it does, whatever holds it. */
export const HELD = 'test/behaviour/held/**/*.test.ts'

/** At once: those that run side by side within a file (test/chaos/escape). */
export const TIMES = { ...timeouts(), maxConcurrency: 3 }
