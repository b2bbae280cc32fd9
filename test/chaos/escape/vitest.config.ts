// The long form of the escape tests: every program, every ending, every holder, in rounds.
import { defineConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'
import { timeouts } from '../../support/timeouts.js'

export default defineConfig({
  test: {
    reporters: reporters('escape'),
    include: [
      'test/chaos/escape/**/*.test.ts',
      'test/chaos/hidden.test.ts',
      'test/behaviour/held/endings/**/*.test.ts',
    ],
    globalSetup: 'test/global-setup.ts',
    ...timeouts(),
    maxConcurrency: 3,
    // Each runs several side by side already.
    fileParallelism: false,
  },
})
