// What a change has to pass, in three tiers, each deeper than the one before; every step leaves its record in steps.json
// (support/steps.mjs), with its time and the hash of what it depends on.
//
//   node test/tiers.mjs ci       every change (.ci/run): the README's two commands, and a sample of each deeper suite
//   node test/tiers.mjs native   a change of native/: the same deeper, on Debian's kernels, musl and an emulated arm64
//   node test/tiers.mjs all      everything. It can be run in several sittings: a step that was green, and whose inputs have not
//                                changed since, is not run again
//
// `ci` and `native` end at the first step that fails; `all` goes on, and names them at the end.
import { fileURLToPath } from 'node:url'
import { run } from './support/steps.mjs'

// What all code, and every run of vitest, depends on
const CODE = ['src', 'native', 'binding.gyp', 'package.json', 'package-lock.json', 'tsconfig.json']
const SUPPORT = [
  ...CODE,
  'vitest.config.ts',
  'test/support',
  'test/global-setup.ts',
  'test/flaky.ts',
  'test/skips',
  'bench/demo',
]
const SUITE = [
  ...SUPPORT,
  'test/unit',
  'test/cli',
  'test/behaviour',
  'test/kernel',
  'test/integrations',
  'test/transparent',
  'test/chaos',
]
const GUESTS = [...SUITE, 'test/vm']
const PAGES = ['docs', 'README.md', 'man', 'bench']
const PACKAGE = [...CODE, 'pack', 'README.md', 'man', 'openclaw.plugin.json']

const npm = (script, ...words) => ['npm', 'run', '-s', script, ...(words.length > 0 ? ['--', ...words] : [])]
const step = (command, inputs, name = command.join(' ').replace('npm run -s', 'npm run')) => ({
  name,
  command,
  inputs,
})

const CHECK = step(npm('check'), ['.'])
const REFERENCE = step(npm('docs:api', '--check'), ['src', 'docs'])
const DEMO = step(npm('demo'), [...CODE, 'bench'])
const TEST = step(['npm', 'test'], [...SUITE, ...PAGES])
const CHAOS = step(npm('test:chaos'), SUITE)
const KERNEL = step(npm('test:vm', '--kernel'), GUESTS)
const NODE_GYP = step(['.ci/node-gyp'], SUITE)
const CRASH = ['test/chaos/crash', ...SUPPORT]

const TIERS = {
  ci: [
    CHECK,
    REFERENCE,
    DEMO,
    TEST,
    CHAOS,
    KERNEL,
    step(npm('test:crash', '60'), CRASH),
    step(['pack/pack-and-try'], PACKAGE),
    step(npm('test:sanitize', 'test/kernel/native', 'test/behaviour/held/endings'), SUITE),
    step(npm('test:hosts', 'bookworm'), [...GUESTS, 'test/hosts']),
    step(npm('test:e2e', 'test/e2e/claude.test.ts'), [...SUPPORT, 'test/e2e', 'bench']),
  ],
  native: [
    TEST,
    CHAOS,
    KERNEL,
    step(npm('test:sanitize'), SUITE),
    step(npm('test:faults'), SUITE),
    step(npm('test:crash', '100'), CRASH),
    NODE_GYP,
    step(['pack/pack-and-try', '--everywhere'], [...PACKAGE, 'test/vm', 'test/musl']),
    step(npm('test:escape', '1'), SUITE),
    step(npm('test:kernels'), GUESTS),
  ],
  all: [
    CHECK,
    REFERENCE,
    DEMO,
    TEST,
    CHAOS,
    step(npm('test:crash'), CRASH),
    step(npm('test:losses'), SUITE),
    step(npm('test:faults'), SUITE),
    NODE_GYP,
    step(['pack/pack-and-try', '--everywhere'], [...PACKAGE, 'test/vm', 'test/musl']),
    step(npm('test:sanitize'), SUITE),
    step(npm('test:vm'), [...GUESTS, ...PAGES]),
    step(npm('test:moved'), [...GUESTS, 'test/hosts']),
    step(npm('test:hosts', '--all'), [...GUESTS, 'test/hosts', 'docs']),
    step(npm('test:containers', '--all'), [...GUESTS, 'test/hosts', 'docs']),
    step(npm('test:samples'), [...GUESTS, ...PAGES, 'test/hosts']),
    step(npm('test:first-steps'), [...GUESTS, ...PAGES, 'test/hosts']),
    step(npm('test:e2e'), [...SUPPORT, 'test/e2e', 'bench', 'docs']),
    step(npm('test:openclaw'), [...SUPPORT, 'test/e2e', 'bench', 'docs']),
    step(npm('bench:cycles', '--check'), [...CODE, 'bench']),
    step(npm('test:escape', '1'), SUITE),
    step(npm('test:kernels'), GUESTS),
    step(npm('test:nodes'), [...SUITE, ...PAGES, 'test/nodes']),
    step(npm('test:runtimes'), [...CODE, 'test/nodes']),
    step(npm('test:vm:arm64', 'test/unit', 'test/kernel'), [...GUESTS, ...PAGES]),
  ],
}

const tier = process.argv[2]
const steps = Object.hasOwn(TIERS, tier ?? '') ? TIERS[tier] : undefined
if (steps === undefined || process.argv.length > 3) {
  console.error(`usage: node test/tiers.mjs ${Object.keys(TIERS).join('|')}`)
  process.exit(2)
}
process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const resumes = tier === 'all'
const red = []
for (const { name, command, inputs } of steps) {
  console.log(`\n== ${name} (after ${Math.round(performance.now() / 1000)} s)`)
  if ((await run(name, command, { input: inputs, 'if-changed': resumes })) === 0) continue
  red.push(name)
  if (!resumes) break
}
for (const name of red) console.log(`failed: ${name}`)
process.exitCode = red.length > 0 ? 1 : 0
