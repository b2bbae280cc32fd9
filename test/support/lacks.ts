// What this host lacks for some tests, found once, when a run begins. test/skips has a list for each lack: why it matters, what would run
// the tests that need it, and which these are.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { inject } from 'vitest'
import { controllersOf, MEMORY_V1, PRESSURE } from './controllers-of.js'
import { VARIABLE as CPU_SHARE } from './cpu-share.js'
import { freezerV1 } from './freezer-v1.js'

const runs = (command: string, ...words: string[]) => spawnSync(command, words).status === 0
const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

interface Place {
  /** The directory of cgroups that the tests build in; undefined: none can be made. */
  suite: string | undefined
  controllers: readonly string[]
}

const controller =
  (name: string) =>
  ({ controllers }: Place) =>
    !controllers.includes(name)
const file =
  (name: string) =>
  ({ suite }: Place) =>
    suite === undefined || !existsSync(`${suite}/${name}`)
const program = (name: string) => () => !has(name)

/** For each lack, whether it is one of this host's. */
const LACKS = {
  cgroup: ({ suite }: Place) => suite === undefined,
  memory: controller('memory'),
  pids: controller('pids'),
  cpu: controller('cpu'),
  'io.weight': file('io.weight'),
  'memory-v1': controller(MEMORY_V1),
  'freezer-v1': () => freezerV1() === undefined,
  // CAP_SYS_RESOURCE, which some containers withhold from root
  'lower-oom-score': () => !runs('sh', '-c', 'echo -1000 >/proc/self/oom_score_adj'),
  'any-memory': ({ controllers }: Place) => !controllers.some((name) => ['memory', MEMORY_V1].includes(name)),
  'cpu-share': () => process.env[CPU_SHARE] === undefined,
  pressure: controller(PRESSURE),
  'cgroup.kill': file('cgroup.kill'),
  // Tests of what is done where the kernel does not give a controller
  'missing-memory': ({ controllers }: Place) => controllers.includes('memory'),
  'missing-pids': ({ controllers }: Place) => controllers.includes('pids'),
  'top-of-hierarchy': () =>
    process.getuid?.() !== 0 || !/^0::\/$/m.test(readFileSync('/proc/self/cgroup', 'utf8')),
  root: () => process.getuid?.() !== 0,
  namespaces: () => !runs('unshare', '--mount', 'true'),
  native: () => process.env['CORRAL_TEST_EMULATED'] === '1',
  // With the history: an earlier version is built from it
  git: () =>
    !runs('git', 'ls-files', '--error-unmatch', 'package.json') || runs('test', '-e', '.git/shallow'),
  strace: () => !runs('strace', '-qq', '-o', '/dev/null', 'true'),
  fish: program('fish'),
  zsh: program('zsh'),
  mandoc: program('mandoc'),
} satisfies Record<string, (place: Place) => boolean>

export type Lack = keyof typeof LACKS

declare module 'vitest' {
  interface ProvidedContext {
    lacks: Lack[]
  }
}

export function lacksHere(suite: string | undefined): Lack[] {
  const place = { suite, controllers: suite === undefined ? [] : controllersOf(suite) }
  return (Object.keys(LACKS) as Lack[]).filter((name) => LACKS[name](place))
}

/** For tests: whether this host lacks that. */
export const lacks = (name: Lack) => inject('lacks').includes(name)

/** The note of a test that is skipped for want of a cgroup. */
export const NO_CGROUP = 'no cgroup can be made here'
/** That of one whose processes could not be ended here. */
export const OUTRUN = 'it forks faster than processes can be looked for here'
