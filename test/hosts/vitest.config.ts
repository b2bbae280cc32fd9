// Tests of other hosts, in guests of test/vm: run by test/hosts/run, which boots them.
import { defineConfig } from 'vitest/config'
import { reporters } from '../support/reporters.js'
import { timeouts } from '../support/timeouts.js'

export default defineConfig({
  test: {
    reporters: reporters('hosts'),
    include: ['test/hosts/systemd/**/*.test.ts'],
    ...timeouts({ test: 120_000 }),
    // One host, of which a test has all
    fileParallelism: false,
  },
})
