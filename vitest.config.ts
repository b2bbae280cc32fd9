import { defineConfig } from 'vitest/config'
import { reporters } from './test/support/reporters.js'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/crash/**'],
    reporters: reporters('unit'),
    globalSetup: 'test/global-setup.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
