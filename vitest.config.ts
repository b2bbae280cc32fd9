import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import type { BackendName } from './src/index.js'
import { ALWAYS, HELD, TIMES } from './test/support/behaviour.js'
import { reporters } from './test/support/reporters.js'

// What takes minutes has a command of its own (npm run test:crash, test:faults)
const LONG = '**/*.long.test.ts'

/** The tests of a folder, which says what they need (docs/architecture.md), or those that every mechanism has to pass. */
const project = (name: string, include: string[], backend: BackendName = 'cgroup') => ({
  test: {
    ...TIMES,
    name,
    runner: 'test/support/runner.ts',
    include,
    exclude: [...configDefaults.exclude, LONG],
    // The files of a project share the processes that run them: to start one for each, and to load the sources in it, takes longer
    // than most files take. Each test leaves its process as it was, but faults, which strike what a process does for the first time
    isolate: name === 'chaos',
    provide: { backend },
  },
})
const folder = (name: string) => project(name, [`test/${name}/**/*.test.ts`])

export default defineConfig({
  test: {
    reporters: reporters('unit'),
    globalSetup: ['test/support/cpu-share.ts', 'test/global-setup.ts'],
    // One more file side by side than there are processors: vitest would leave one of two idle, and the tests mostly wait
    maxWorkers: availableParallelism() + 1,
    ...TIMES,
    projects: [
      ...['unit', 'cli', 'transparent', 'kernel', 'integrations', 'chaos'].map(folder),
      project('cgroup', [ALWAYS, HELD]),
      project('subreaper', [ALWAYS, HELD], 'subreaper'),
      project('passthrough', [ALWAYS, 'test/behaviour/passthrough/**/*.test.ts'], 'passthrough'),
    ],
  },
})
