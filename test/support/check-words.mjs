// Fails on words that made sentences of this project hard to read: part of npm run check. It reads src, native, the docs, README,
// the man page and the titles of tests, and says for each line what to write instead. docs/reference is made of docstrings of src.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../..', import.meta.url))

const RULES = [
  [/\bto be had\b/i, 'say what is missing, or cannot be opened, created or used'],
  [/\bwill not do\b/i, "write 'Invalid NAME: expected …, got …', or 'is not usable'"],
  [/(?<!\w)['"`]Give /, "begin the hint with 'Pass', 'Use' or 'Choose'"],
  [/(?<!\w)['"`](?:There are|Known are) /, "write 'Known NAMES: a, b, c'"],
  [/\bwhoever\b/i, "write 'the process that …', 'the caller' or 'any user'"],
  [/\b(?:he|him|his|himself)\b/i, "a process is 'it'"],
  [
    /\bwhich no \w+(?: \w+)? (?:has|have|can|could|takes?)\b/i,
    "write a sentence of its own, with 'cannot' or 'is not'",
  ],
  [/\bcannot be told\b/i, "write 'Cannot …: ' and what to do"],
  [/\bfor want of\b/i, "write 'without'"],
  [/\bis to be (?:a|an|the)\b/i, "write 'expected a …, got …'"],
]

const TITLE = /\b(?:test|describe|plain)\b[\w.]*(?:<.*>)?\(/

const listed = spawnSync(
  'git',
  [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    'src',
    'native',
    'docs',
    'man',
    'test',
    'README.md',
  ],
  { cwd: repository, encoding: 'utf8' },
)
if (listed.status !== 0) throw new Error(`git ls-files: ${listed.stderr}`)
const files = listed.stdout
  .split('\0')
  .filter((file) => /\.(?:ts|mjs|c|h|cc|md|1)$/.test(file) && !file.startsWith('docs/reference/'))
  .filter((file) => !file.startsWith('test/') || file.endsWith('.test.ts'))
  .filter((file) => existsSync(path.join(repository, file)))
if (files.length === 0) throw new Error('git lists no file')

const found = files.flatMap((file) => {
  const isRead = file.startsWith('test/') ? (line) => TITLE.test(line) : () => true
  const lines = readFileSync(path.join(repository, file), 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    RULES.filter(([pattern]) => isRead(line) && pattern.test(line)).map(
      ([pattern, instead]) =>
        `${file}:${index + 1} '${pattern.exec(line)[0].trim()}': ${instead}: ${line.trim()}`,
    ),
  )
})
for (const one of found) console.error(one)
process.exitCode = found.length > 0 ? 1 : 0
