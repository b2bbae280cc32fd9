// How a test run reports: to the terminal, what was skipped too, and where CORRAL_TEST_RESULTS names a directory also to a file there, which
// is how results of several runs are added up.
import path from 'node:path'
import type { ViteUserConfig } from 'vitest/config'
import { SkipsReporter } from './skips-reporter.js'

type Reporters = NonNullable<NonNullable<ViteUserConfig['test']>['reporters']>

export function reporters(run: string): Reporters {
  const directory = process.env['CORRAL_TEST_RESULTS']
  const always = ['default', new SkipsReporter()]
  if (directory === undefined) return always
  const name = process.env['CORRAL_TEST_RUN'] ?? run
  return [...always, ['json', { outputFile: path.join(directory, `${name}.json`) }]]
}
