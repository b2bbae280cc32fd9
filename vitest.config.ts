import { defineConfig } from 'vitest/config'
import { reporters } from './test/support/reporters.js'

// What a session does, whether anything holds it or not.
const ALWAYS = [
  'test/session.test.ts',
  'test/corral.test.ts',
  'test/process.test.ts',
  'test/promises.test.ts',
]
// What it does, whatever holds it: once for each backend.
const BEHAVIOUR = [
  ...ALWAYS,
  'test/wrap.test.ts',
  'test/cli/run-*.test.ts',
  'test/subreaper/kill.test.ts', // those of test/kill
  'test/limits/watched.test.ts',
]

// At once: those that run side by side within a file (test/escape)
const TIMES = { testTimeout: 20_000, hookTimeout: 20_000, maxConcurrency: 3 }

export default defineConfig({
  test: {
    reporters: reporters('unit'),
    globalSetup: 'test/global-setup.ts',
    ...TIMES,
    projects: [
      {
        test: {
          ...TIMES,
          name: 'cgroup',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/e2e/**',
            'test/crash/**',
            'test/hosts/**',
            'test/subreaper/kill.test.ts',
            'test/passthrough/**',
            'test/faults/warden.test.ts',
          ],
          provide: { backend: 'cgroup' },
        },
      },
      { test: { ...TIMES, name: 'subreaper', include: BEHAVIOUR, provide: { backend: 'subreaper' } } },
      {
        test: {
          ...TIMES,
          name: 'passthrough',
          include: [...ALWAYS, 'test/passthrough/**/*.test.ts'],
          provide: { backend: 'passthrough' },
        },
      },
    ],
  },
})
