// Containers on another host, a guest of test/vm: run by the script beside this, which boots it.
import { defineConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'
import { timeouts } from '../../support/timeouts.js'

export default defineConfig({
  test: {
    reporters: reporters('containers'),
    include: ['test/hosts/containers/*.test.ts'],
    ...timeouts({ test: 120_000 }),
    // One host, of which a test has all
    fileParallelism: false,
  },
})
