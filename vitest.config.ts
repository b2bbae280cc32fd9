import { defineConfig } from 'vitest/config'
import { ALWAYS, BEHAVIOUR, TIMES } from './test/support/behaviour.js'
import { reporters } from './test/support/reporters.js'

// Of each project
const COMMON = { ...TIMES, runner: 'test/support/runner.ts' }

export default defineConfig({
  test: {
    reporters: reporters('unit'),
    globalSetup: 'test/global-setup.ts',
    // As many files side by side as there are processors: vitest would leave one of two idle, and the tests mostly wait
    maxWorkers: '100%',
    ...TIMES,
    projects: [
      {
        test: {
          ...COMMON,
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
      { test: { ...COMMON, name: 'subreaper', include: BEHAVIOUR, provide: { backend: 'subreaper' } } },
      {
        test: {
          ...COMMON,
          name: 'passthrough',
          include: [...ALWAYS, 'test/passthrough/**/*.test.ts'],
          provide: { backend: 'passthrough' },
        },
      },
    ],
  },
})
