// The command line of tests that come in rounds: one number, or none.
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const vitest = fileURLToPath(new URL('./vitest.mjs', import.meta.resolve('vitest/package.json')))

/** The number of rounds, as text; undefined where none was given. Ends this process where it is none. */
export function roundsOf(usage, words = process.argv.slice(2)) {
  const [rounds, ...more] = words
  if (rounds === undefined) return undefined
  if (
    more.length > 0 ||
    !/^\d+$/.test(rounds) ||
    !Number.isSafeInteger(Number(rounds)) ||
    Number(rounds) < 1
  ) {
    console.error(`not a number of rounds: ${[rounds, ...more].join(' ')}\n${usage}`)
    process.exit(2)
  }
  return rounds
}

/** Runs the tests of a vitest config, with these variables added, and takes over their exit status. */
export function runTests(config, variables) {
  const { status, signal, error } = spawnSync(process.execPath, [vitest, 'run', '--config', config], {
    cwd: repository,
    env: { ...process.env, ...variables },
    stdio: 'inherit',
  })
  if (error) throw error
  process.exitCode = status ?? 128 + constants.signals[signal]
}
