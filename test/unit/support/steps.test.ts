// The steps of a proof, run as scripts run them: what they leave in steps.json, and when one is not run again.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test as plain } from 'vitest'
import { eventually } from '../../support/eventually.js'

const PROGRAM = fileURLToPath(new URL('../../support/steps.mjs', import.meta.url))
const BURNERS = fileURLToPath(new URL('../../support/burners.mjs', import.meta.url))
const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))

const test = plain.extend<{ results: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are needed
  results: async ({}, use) => {
    const results = mkdtempSync(join(tmpdir(), 'corral-steps-'))
    await use(results)
    rmSync(results, { recursive: true })
  },
})

const KNOWN = { CORRAL_TEST_MACHINE_SLOWNESS: '1.5', CORRAL_TEST_SLOWNESS: '2' }

/** Runs a program that is in no step, with these variables. */
function node(results: string, words: string[], variables: Record<string, string> = KNOWN) {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('CORRAL_TEST_'))
  return spawnSync(process.execPath, words, {
    cwd: REPOSITORY,
    env: { ...Object.fromEntries(env), CORRAL_TEST_RESULTS: results, ...variables },
    encoding: 'utf8',
  })
}

const steps = (results: string, ...words: string[]) => node(results, [PROGRAM, ...words])
const recordsOf = (results: string) => JSON.parse(readFileSync(join(results, 'steps.json'), 'utf8'))
const isClone =
  spawnSync('git', ['ls-files', '--error-unmatch', 'package.json'], { cwd: REPOSITORY }).status === 0

test('a step ends as its command does, and leaves its record', ({ results }) => {
  const { status, stdout, stderr } = node(results, [PROGRAM, 'run', 'three', '--', 'sh', '-c', 'exit 3'], {})
  expect(status).toBe(3)
  expect(stderr).toMatch(
    /^this machine is s = [\d.]+ times slower than the reference, and with what else it does now \d+ times$/m,
  )
  expect(stdout).toMatch(/^three took [\d.]+ s, s = [\d.]+, quotient [\d.]+, status 3$/m)
  expect(recordsOf(results)).toMatchObject([{ step: 'three', status: 3, command: 'sh -c exit 3' }])
})

test('counts the tests of what vitest has written meanwhile, and of nothing else', ({ results }) => {
  const written = { testResults: [{ assertionResults: [{ status: 'passed' }, { status: 'skipped' }] }] }
  writeFileSync(join(results, 'here.json'), JSON.stringify(written))
  steps(results, 'run', 'copy', '--', 'cp', join(results, 'here.json'), join(results, 'unit.json'))
  expect(recordsOf(results)).toMatchObject([{ passed: 1, failed: 0, skipped: 1, s: 1.5, stretch: 2 }])
})

test.skipIf(!isClone)('a step that was green with the same inputs is not run again', ({ results }) => {
  const again = (...command: string[]) =>
    steps(results, 'run', 'one', '--if-changed', '--input', 'LICENSE', '--', ...command).stdout
  const ran = /^one took/m
  expect(again('true')).toMatch(ran)
  expect(again('true')).toMatch(/^one: green on \S+, and its inputs have not changed since$/m)
  expect(again('true')).not.toMatch(ran)
  expect(again('false')).toMatch(ran) // another command
  expect(again('false')).toMatch(ran) // it was red
  expect(recordsOf(results)).toHaveLength(3)
})

test('refuses what is no step, and says how it is called', ({ results }) => {
  for (const words of [
    ['run', 'name'],
    ['run'],
    ['walk', 'name', '--', 'true'],
    ['run', '--quick', 'a', '--', 'b'],
  ]) {
    const { status, stderr } = steps(results, ...words)
    expect({ words, status, usage: /^usage: /m.test(stderr) }).toEqual({ words, status: 2, usage: true })
  }
})

test('burners are there while a command runs, and end with it', async ({ results }) => {
  // Each in a session of its own, as the command is not
  const script = 'ps --ppid "$PPID" -o pid= -o sid=; exit 5'
  const { status, stdout } = node(results, [BURNERS, '2', '--', 'sh', '-c', script])
  const children = stdout
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/ +/))
  const burners = children.filter(([pid, session]) => pid === session).map(([pid]) => Number(pid))
  expect({ status, burners: burners.length }).toEqual({ status: 5, burners: 2 })
  for (const pid of burners) await eventually('a burner has gone', () => !existsSync(`/proc/${pid}`))
})
