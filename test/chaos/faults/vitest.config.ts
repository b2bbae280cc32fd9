// The exhaustive fault injection, apart from the other tests: it takes minutes.
import { defineConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'

export default defineConfig({
  test: {
    reporters: reporters('faults'),
    include: ['test/chaos/faults/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    hookTimeout: 20_000,
    testTimeout: 60_000,
    maxConcurrency: 3,
    env: { CORRAL_FAULTS_ALL: '1' },
  },
})
