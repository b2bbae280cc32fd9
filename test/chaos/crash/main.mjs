// Runs the crash tests, with as many rounds as the command line says: npm run test:crash -- 1000
import { roundsOf, runTests } from '../../support/rounds-command.mjs'

const USAGE = `usage: npm run test:crash -- [ROUNDS]
  ROUNDS  how many gateways are killed, a whole number of at least 1 (default 300), and a third as many together with
          their guards`

const rounds = roundsOf(USAGE)
const both = String(Math.ceil(Number(rounds) / 3))
const variables = rounds === undefined ? {} : { CORRAL_CRASH_ROUNDS: rounds, CORRAL_CRASH_BOTH_ROUNDS: both }
runTests('test/chaos/crash/vitest.config.ts', variables)
