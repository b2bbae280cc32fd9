// Runs every program of the escape corpus against every ending, as often as the command line says: npm run test:escape -- 10
import { roundsOf, runTests } from '../support/rounds-command.mjs'

const USAGE = `usage: npm run test:escape -- [ROUNDS]
  ROUNDS  how often each program meets each way to end a session, a whole number of at least 1 (default 1)`

runTests('test/escape/vitest.config.ts', { CORRAL_ESCAPE_ROUNDS: roundsOf(USAGE) ?? '1' })
