// Runs the crash tests, with as many rounds as the command line says: npm run test:crash -- 1000
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const USAGE = `usage: npm run test:crash -- [ROUNDS]
  ROUNDS  how many gateways are killed, a whole number of at least 1 (default 300), and a third as many together with
          their guards`

const repository = fileURLToPath(new URL('../..', import.meta.url))
const vitest = fileURLToPath(new URL('./vitest.mjs', import.meta.resolve('vitest/package.json')))

function roundsOf(args) {
  if (args.length === 0) return {}
  const [rounds] = args
  if (
    args.length > 1 ||
    !/^\d+$/.test(rounds) ||
    !Number.isSafeInteger(Number(rounds)) ||
    Number(rounds) < 1
  ) {
    console.error(`not a number of rounds: ${args.join(' ')}\n${USAGE}`)
    process.exit(2)
  }
  const both = Math.ceil(Number(rounds) / 3)
  return { CORRAL_CRASH_ROUNDS: rounds, CORRAL_CRASH_BOTH_ROUNDS: String(both) }
}

const env = { ...process.env, ...roundsOf(process.argv.slice(2)) }
const { status, signal, error } = spawnSync(
  process.execPath,
  [vitest, 'run', '--config', 'test/crash/vitest.config.ts'],
  { cwd: repository, env, stdio: 'inherit' },
)
if (error) throw error
process.exitCode = status ?? 128 + constants.signals[signal]
