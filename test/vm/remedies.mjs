// What `corral doctor` says to change in what a kernel is booted with, applied: a guest is booted so that it lacks controllers, then
// again with what the fixes say, and the same guarantees hold.
import { deepStrictEqual } from 'node:assert'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const at = (file) => fileURLToPath(new URL(file, import.meta.url))
const GUARANTEES = ['memory', 'pids', 'cpu']

/** The findings about these guarantees in a guest that was booted with these words, too. */
async function doctorWith(words) {
  const command = [process.execPath, at('../../dist/cli/main.js'), 'doctor', '--json']
  const { stdout } = await promisify(execFile)(at('run'), ['-c', words.join(' '), '--', ...command]).catch(
    (failed) => (failed.stdout ? failed : Promise.reject(failed)), // a FAIL ends it with 1
  )
  return JSON.parse(stdout).findings.filter(({ id }) => GUARANTEES.includes(id))
}

/** Takes a controller out of each cgroup_disable=. */
const without = (words, controller) =>
  words
    .map((word) =>
      word.replace(/(?<==.*)\b\w+\b,?/g, (name) => (name.replace(',', '') === controller ? '' : name)),
    )
    .map((word) => word.replace(/,$/, ''))
    .filter((word) => !word.endsWith('='))

const FIX =
  /^It was turned off at boot: take (\w+) out of cgroup_disable= on the kernel's command line and reboot/
let words = ['cgroup_disable=memory,cpu', 'cgroup_disable=pids']
const told = await doctorWith(words)
deepStrictEqual(told.map(({ id, verdict }) => [id, verdict]).sort(), [
  ['cpu', 'FAIL'],
  ['memory', 'CAUTION'],
  ['pids', 'FAIL'],
])
for (const { fix } of told) words = without(words, FIX.exec(fix)?.[1])
deepStrictEqual(words, [])
const after = await doctorWith(words)
deepStrictEqual(
  after.map(({ verdict }) => verdict),
  GUARANTEES.map(() => 'PASS'),
)
console.log(`what doctor says of ${GUARANTEES.join(', ')} that were turned off at boot is right`)
