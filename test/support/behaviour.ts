// The tests that are run more than once: for each backend, and in each container.

// What a session does, whether anything holds it or not.
export const ALWAYS = [
  'test/session.test.ts',
  'test/corral.test.ts',
  'test/process.test.ts',
  'test/promises.test.ts',
]

// What it does, whatever holds it.
export const BEHAVIOUR = [
  ...ALWAYS,
  'test/wrap.test.ts',
  'test/cli/run-*.test.ts',
  'test/subreaper/kill.test.ts', // those of test/kill
  'test/limits/watched.test.ts',
]

// At once: those that run side by side within a file (test/escape)
export const TIMES = { testTimeout: 20_000, hookTimeout: 20_000, maxConcurrency: 3 }
