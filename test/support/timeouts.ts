// What vitest gives a test and a hook, in every configuration: longer on a slow machine. The slowness is measured here, once,
// before vitest starts what inherits it.
import { stretchOfRun } from './measure-slowness.mjs'

const stretch = stretchOfRun()

/** In milliseconds on the reference machine. */
export const timeouts = ({ test = 60_000, hook = 60_000 } = {}) => ({
  testTimeout: test * stretch,
  hookTimeout: hook * stretch,
})
