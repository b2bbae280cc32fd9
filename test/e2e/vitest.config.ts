// The end-to-end tests, apart from the others: they run whole agents, and one of them is installed by npm on
// demand.
import { defineConfig } from 'vitest/config'
import { reporters } from '../support/reporters.js'
import { timeouts } from '../support/timeouts.js'

export default defineConfig({
  test: {
    reporters: reporters('e2e'),
    include: ['test/e2e/**/*.test.ts'],
    exclude: ['test/e2e/openclaw/**'], // npm run test:openclaw
    globalSetup: 'test/e2e/temporary.ts',
    // As openPen() has it, for what is made before the first pen, too: the environment of agents
    env: { CORRAL_NO_MEMORY_V1: '1' },
    // The first run installs the real agent.
    ...timeouts({ test: 90_000, hook: 330_000 }),
    // Agents are heavy and the tests have deadlines: one file after the other.
    fileParallelism: false,
  },
})
