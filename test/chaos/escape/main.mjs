// Runs the programs beside this against the endings of test/behaviour/held/endings, as often as the command line says: npm run test:escape -- 10
import { parseArgs } from 'node:util'
import { roundsOf, runTests } from '../../support/rounds-command.mjs'

const USAGE = `usage: npm run test:escape -- [--holder NAME]… [--ending NAME]… [--program NAME]… [ROUNDS]
  ROUNDS         how often each program meets each way to end a session, a whole number of at least 1 (default 1)
  --holder NAME  only what holds sessions and has NAME in its name (test/behaviour/held/endings/holders.ts), as in --holder subreaper
  --ending NAME  only endings that have NAME in theirs (test/behaviour/held/endings/endings.ts), as in --ending SIGKILL
  --program NAME only programs that have NAME in theirs (programs.mjs), as in --program PATH_MAX`

function readArguments() {
  const several = { type: 'string', multiple: true, default: [] }
  try {
    return parseArgs({
      allowPositionals: true,
      options: { holder: several, ending: several, program: several },
    })
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`)
    process.exit(2)
  }
}

const { values, positionals } = readArguments()
runTests('test/chaos/escape/vitest.config.ts', {
  CORRAL_ESCAPE_ROUNDS: roundsOf(USAGE, positionals) ?? '1',
  CORRAL_ESCAPE_HOLDERS: JSON.stringify(values.holder),
  CORRAL_ESCAPE_ENDINGS: JSON.stringify(values.ending),
  CORRAL_ESCAPE_PROGRAMS: JSON.stringify(values.program),
})
