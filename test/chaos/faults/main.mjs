// Every call that can fail made to fail: npm run test:faults [-- --write], which puts the counts into docs/errors.md.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTests } from '../../support/rounds-command.mjs'

const [option, ...more] = process.argv.slice(2)
if (more.length > 0 || (option !== undefined && option !== '--write')) {
  console.error('usage: npm run test:faults [-- --write]')
  process.exit(2)
}
const here = fileURLToPath(new URL('.', import.meta.url))
const results = process.env.CORRAL_TEST_RESULTS ?? path.join(here, '../../../build/results')
runTests('test/chaos/faults/vitest.config.ts', { CORRAL_TEST_RESULTS: results })
if (option === '--write' && process.exitCode === 0) {
  const { status } = spawnSync(
    process.execPath,
    [path.join(here, 'table.mjs'), path.join(results, 'faults.json')],
    {
      stdio: 'inherit',
    },
  )
  process.exitCode = status ?? 1
}
