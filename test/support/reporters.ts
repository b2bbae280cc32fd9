// How a test run reports: to the terminal, and where CORRAL_TEST_RESULTS names a directory also to a file there, which
// is how results of several runs are added up.
import path from 'node:path'
import type { ViteUserConfig } from 'vitest/config'

type Reporters = NonNullable<NonNullable<ViteUserConfig['test']>['reporters']>

export function reporters(run: string): Reporters {
  const directory = process.env['CORRAL_TEST_RESULTS']
  if (directory === undefined) return ['default']
  const name = process.env['CORRAL_TEST_RUN'] ?? run
  return ['default', ['json', { outputFile: path.join(directory, `${name}.json`) }]]
}
