// The long form of the escape tests: every program, every ending, every holder, in rounds.
import { defineConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'

export default defineConfig({
  test: {
    reporters: reporters('escape'),
    include: ['test/chaos/escape/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    maxConcurrency: 3,
    // Each runs several side by side already.
    fileParallelism: false,
  },
})
