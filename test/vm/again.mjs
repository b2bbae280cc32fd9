// What failed in a slow guest is run again, once, in a guest of its own (vitest.sh).
//
//   again.mjs files RESULTS            the files with tests that failed, a line each; nothing where they are too many
//   again.mjs merge RESULTS SECOND     puts the second results in the place of the first. A test that failed at first says
//                                      so (`failedFirst`), and .ci/closing-line.mjs tells it
import { readFileSync, writeFileSync } from 'node:fs'

// More than that is no bad moment.
const MOST = 3

const [what, first, second] = process.argv.slice(2)
const read = (file) => JSON.parse(readFileSync(file, 'utf8'))
const failedIn = ({ assertionResults }) => assertionResults.filter(({ status }) => status === 'failed')
const fileFailed = (file) => file.status === 'failed' || failedIn(file).length > 0

function files() {
  const failed = read(first).testResults.filter(fileFailed)
  const count = failed.reduce((sum, file) => sum + Math.max(1, failedIn(file).length), 0)
  if (count <= MOST) for (const { name } of failed) console.log(name)
}

function merge() {
  const [before, after] = [read(first), read(second)]
  const again = new Map(after.testResults.map((file) => [file.name, file]))
  before.testResults = before.testResults.map((file) => {
    if (!fileFailed(file)) return file
    const failed = new Set(failedIn(file).map(({ fullName }) => fullName))
    const repeated = again.get(file.name)
    for (const test of repeated?.assertionResults ?? [])
      if (failed.has(test.fullName)) test.failedFirst = true
    return repeated ?? file
  })
  writeFileSync(first, JSON.stringify({ ...before, success: after.success }))
}

if (what === 'files') files()
else merge()
