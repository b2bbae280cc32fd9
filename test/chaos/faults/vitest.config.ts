// The exhaustive fault injection, apart from the other tests: it takes minutes.
import { defineConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'
import { timeouts } from '../../support/timeouts.js'

export default defineConfig({
  test: {
    reporters: reporters('faults'),
    include: ['test/chaos/faults/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    ...timeouts({ test: 120_000 }),
    maxConcurrency: 3,
    env: { CORRAL_FAULTS_ALL: '1' },
  },
})
