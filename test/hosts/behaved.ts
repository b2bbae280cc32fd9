// The behaviour tests in another place, on whatever openCorral() finds there, and what the doctor claims of it.
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { JsonTestResults } from 'vitest/node'
import type { BackendName } from '../../src/index.js'
import { eventually, SLOWNESS } from '../support/eventually.js'
import { readTold } from './told.js'

/** What it runs there: with a file to tell in, and SETTINGS. */
export const BEHAVIOUR = fileURLToPath(new URL('./fixtures/behaviour.mjs', import.meta.url))

export type Tests = 'all' | 'claims'

interface Told {
  /** What holds sessions there, as openCorral() and as the doctor says. */
  found: { backend: BackendName; root?: string }
  claimed: { backend: BackendName; root?: string }
  /** Of vitest. */
  status: number
  printed: string
}

// What a cgroup with all controllers has no use for: the tests of what is done without (test/support/controllers.ts)
const LACKING = [
  'a limit that cannot be enforced refuses the session before anything ran, unless told to make do',
  'without a memory controller a cap can be set, raised and lowered while the session lives',
  'without a memory controller a cap that has to be held is refused',
  'without a memory controller a session over its cap is ended whole, and nothing else is',
]

const nameOf = (place: string) =>
  place
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')

/** `start` has BEHAVIOUR run there with these variables, and this file to tell in; all tests have to pass. */
export async function expectBehaviour(
  place: string,
  { backend, tests }: { backend: BackendName; tests: Tests },
  start: (variables: Record<string, string>, directory: string) => Promise<void>,
): Promise<void> {
  const results = process.env['CORRAL_TEST_RESULTS']
  if (results === undefined) throw new Error('CORRAL_TEST_RESULTS has to name a directory')
  const directory = await mkdtemp(join(results, '.place-'))
  try {
    await chmod(directory, 0o777) // whatever the user is called there
    await start(
      {
        CORRAL_TEST_HOST: tests,
        CORRAL_TEST_SLOWNESS: String(SLOWNESS),
        CORRAL_TEST_EMULATED: '1',
        CI: process.env['CI'] ?? '',
      },
      directory,
    )
    const told = await eventually('the tests are over', () => readTold<Told>(join(directory, 'told')), {
      withinMs: 240_000,
      everyMs: 100,
    })
    expect(told.found).toEqual(told.claimed)
    expect(told.found.backend).toBe(backend)
    const file = await readFile(join(directory, 'behaviour.json'), 'utf8').catch(() => told.printed)
    judge(JSON.parse(file) as JsonTestResults, { ...told, lacking: tests === 'all' && backend === 'cgroup' })
    console.log(`${nameOf(place)}: ${(JSON.parse(file) as JsonTestResults).numPassedTests} passed`)
  } finally {
    await rm(directory, { recursive: true })
  }
}

function judge(results: JsonTestResults, { status, printed, lacking }: Told & { lacking: boolean }): void {
  const all = results.testResults.flatMap(({ assertionResults }) => assertionResults)
  const named = (wanted: (status: string) => boolean) =>
    all
      .filter((one) => wanted(one.status))
      .map(({ fullName, failureMessages }) => ({ fullName, failureMessages }))
  expect(named((one) => one === 'failed')).toEqual([])
  const skipped = named((one) => one !== 'passed' && one !== 'failed').map(({ fullName }) => fullName)
  expect(skipped.sort()).toEqual(lacking ? LACKING : [])
  expect(status, printed).toBe(0)
}
