// Adds up the results that the test runs left in a directory and prints them on one line. Fails when a run left none,
// when a test failed, or when one was skipped: nothing here may be skipped in silence.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const EXPECTED_RUNS = ['crash', 'e2e', 'native', 'sanitize', 'unit']
const directory = process.argv[2]
const runs = readdirSync(directory)
  .map((file) => path.basename(file, '.json'))
  .sort()
const results = runs.map((run) => JSON.parse(readFileSync(path.join(directory, `${run}.json`), 'utf8')))
const sum = (field) => results.reduce((total, result) => total + result[field], 0)
const [passed, failed] = [sum('numPassedTests'), sum('numFailedTests')]
const skipped = sum('numPendingTests') + sum('numTodoTests')

console.log(`runs: ${runs.join(' ')}`)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
const complete = runs.join() === EXPECTED_RUNS.join()
if (!complete) console.log(`expected the runs ${EXPECTED_RUNS.join(' ')}`)
process.exitCode = complete && failed === 0 && skipped === 0 ? 0 : 1
