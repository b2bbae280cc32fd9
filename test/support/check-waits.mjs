// Fails where a test waits for time, or gives something a time that does not grow on a slow machine: part of npm run check.
// Who waits for an event takes eventually() or within(), who says that nothing happens takes stays(): both know how slow the
// machine is. A line that has to use a timer or a clock all the same, such as a program under test that lives for a time, or
// a figure that is measured, says why in a comment `// timer: why`.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../..', import.meta.url))
// They are the helpers, and measure how slow the machine is
const HELPERS = [
  'eventually.js',
  'measure-slowness.mjs',
  'steps.mjs',
  'burners.mjs',
  'check-waits.mjs',
  'tiers.mjs',
]
const EXCUSE = /\/\/ timer: \S/

const RULES = [
  [/\b(?:setTimeout|setInterval)\b|\btimers\/promises\b|\bAtomics\.wait\b/, 'waits for time'],
  [/\bexpect\.poll\b|\bvi\.wait(?:For|Until)\b/, 'is not stretched on a slow machine: take eventually()'],
  [/\bspawnSync\('sleep'|\bexecFileSync\('sleep'|\bsleepSync\b/, 'waits for time'],
  [/\bperformance\.now\(|\bDate\.now\(|\bhrtime\b/, 'reads the clock'],
  [
    /\b(?:timeout|testTimeout|hookTimeout): *[\d_]+ *[,})]|\bAbortSignal\.timeout\([\d_]+\)/,
    'is a time that does not grow with SLOWNESS',
  ],
]

const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', 'test'], {
  cwd: repository,
  encoding: 'utf8',
})
if (listed.status !== 0) throw new Error(`git ls-files: ${listed.stderr}`)
const files = listed.stdout
  .split('\0')
  .filter((file) => /\.(?:ts|mjs|js)$/.test(file) && !HELPERS.includes(path.basename(file)))
  .filter((file) => existsSync(path.join(repository, file)))
if (files.length === 0) throw new Error('git lists no file of test/')

const found = files.flatMap((file) => {
  const lines = readFileSync(path.join(repository, file), 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    RULES.filter(([pattern]) => pattern.test(line) && !EXCUSE.test(line)).map(
      ([, what]) => `${file}:${index + 1} ${what}: ${line.trim()}`,
    ),
  )
})
for (const one of found) console.error(one)
process.exitCode = found.length > 0 ? 1 : 0
