// The crash tests, apart from the others: hundreds of rounds of the same, which take minutes.
import { defineConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'
import { timeouts } from '../../support/timeouts.js'

export default defineConfig({
  test: {
    reporters: reporters('crash'),
    include: ['test/chaos/crash/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    ...timeouts(),
    // Each runs several rounds side by side already.
    fileParallelism: false,
  },
})
