// Adds up the results that the test runs left in a directory and prints them on one line. Fails when one of the runs that it
// is told to expect left none, or when a test failed. A test that was skipped, and passed in no other run, is named: what this
// machine has not got, another kernel has. With --whole that fails too: nothing may be skipped in silence where all is run.
//
//   closing-line.mjs DIRECTORY [--whole] [RUN…]
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

// What no kernel of these runs can do. `npm run test:kernels` runs it.
const NOWHERE = [
  {
    why: 'the kernel of vm-root and vm-user has no io.weight',
    tests: /^test\/kernel\/cgroup\/limits\.test\.ts: 'ioWeight'/,
  },
  {
    why: 'the kernel of vm-root and vm-user tells nothing of pressure, and this machine has no memory controller',
    tests: /^test\/kernel\/limits\/pressure\.test\.ts: .* for want of memory is an event/,
  },
]

const [directory, ...words] = process.argv.slice(2)
const whole = words.includes('--whole')
const expected = words.filter((word) => word !== '--whole').sort()
const runs = readdirSync(directory)
  .filter((file) => file.endsWith('.json') && file !== 'steps.json')
  .map((file) => path.basename(file, '.json'))
  .sort()

/** All tests of a run, by file and full name, with their status. */
function testsOf({ testResults }) {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status, failedFirst, failureMessages }) => ({
      test: `${path.relative(process.cwd(), name)}: ${fullName}`,
      status,
      failedFirst,
      message: failureMessages?.[0],
    })),
  )
}

const results = runs.map((run) => {
  const result = JSON.parse(readFileSync(path.join(directory, `${run}.json`), 'utf8'))
  const tests = testsOf(result)
  const named = (wanted) => tests.filter(({ status }) => status === wanted).map(({ test }) => test)
  const [passed, failed] = [named('passed'), named('failed')]
  const skipped = tests.map(({ test }) => test).filter((test) => ![...passed, ...failed].includes(test))
  const again = tests.filter(({ status, failedFirst }) => failedFirst && status === 'passed')
  return { run, passed, failed, skipped, again, success: result.success, tests }
})
const sum = (field) => results.reduce((total, result) => total + result[field].length, 0)

const passedSomewhere = new Set(results.flatMap(({ passed }) => passed))
const excused = (test) => NOWHERE.some(({ tests }) => tests.test(test))
const missed = results.flatMap(({ run, skipped }) =>
  skipped.filter((test) => !passedSomewhere.has(test) && !excused(test)).map((test) => `${run}: ${test}`),
)

for (const { run, passed, failed, skipped } of results)
  console.log(`${run}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`)
for (const { run, again } of results)
  for (const { test } of again) console.log(`${run}: passed only when it was run again: ${test}`)
for (const { why } of NOWHERE) console.log(`not tested here: ${why}`)
const complete = expected.length === 0 || runs.join() === expected.join()
if (complete) for (const test of missed) console.log(`skipped, and passed in no other run: ${test}`)
for (const { run, tests } of results)
  for (const { test, message } of tests.filter(({ status }) => status === 'failed'))
    console.log(`${run}: FAILED ${test}\n${message ?? ''}`)
if (!complete) console.log(`expected the runs ${expected.join(' ')}, there are ${runs.join(' ')}`)
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
const good =
  complete &&
  !(whole && missed.length > 0) &&
  results.every(({ failed, success }) => success && failed.length === 0)
process.exitCode = good ? 0 : 1
