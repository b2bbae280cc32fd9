// Says at the end of a run what was skipped, why and what would run it. A skip that is on no list (skips.mjs) fails the run on each kind of host
// that has a name.
import path from 'node:path'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'
import type { BackendName } from '../../src/index.js'
import type { Lack } from './lacks.js'
import { enlist, judge, kindOf } from './skips.mjs'

type Test = Parameters<typeof judge>[0][number]

/** The kind of host that it has to be (test/skips/kinds.json): where it is known which, so that no lack goes unnoticed. */
const KIND_VARIABLE = 'CORRAL_TEST_KIND'

/** The name of a lack whose list gets what is on none. */
const WRITE_VARIABLE = 'CORRAL_TEST_ENLIST'

// Whatever can be held by anything can be held by it
const FALLBACK: BackendName = 'subreaper'

const stateOf = (test: TestCase): Test['state'] => {
  const { state } = test.result()
  return state === 'pending' ? 'skipped' : state
}

function testsOf(module: TestModule): Test[] {
  const { backend } = module.project.getProvidedContext()
  const file = path.relative(process.cwd(), module.moduleId)
  return [...module.children.allTests()].map((test) => ({
    backend,
    file,
    name: test.fullName,
    state: stateOf(test),
  }))
}

export class SkipsReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const vitest = this.#vitest
    const lacks = vitest?.getRootProject().getProvidedContext().lacks
    // Of a run that chooses tests by name the others are skipped
    if (vitest === undefined || lacks === undefined || vitest.config.testNamePattern !== undefined) return
    const tests = modules.flatMap(testsOf)
    say(tests, lacks)
    const problems = [...unlisted(tests, lacks), ...otherKind(lacks)]
    if (problems.length === 0) return
    console.error(problems.join('\n'))
    // Whoever is the first on a new kind of host is told what its lists will have to be. vitest has a status of its own, of failed tests
    if (kindOf(lacks) !== undefined || process.env[KIND_VARIABLE]) process.exitCode = 1
  }
}

function say(tests: Test[], lacks: Lack[]): void {
  const { groups, spare } = judge(tests, lacks)
  const skipped = tests.filter(({ state }) => state === 'skipped').length
  const lines = [
    `kind of host: ${kindOf(lacks) ?? 'one without a name'} (lacks ${lacks.join(', ') || 'nothing'})`,
    `skipped: ${skipped} of ${tests.length} tests`,
    ...groups.flatMap(({ count, why, runs }) => [`  ${count} because ${why}`, `      to run them: ${runs}`]),
    ...behaviour(tests),
    ...spare.map((entry) => `to be taken off the list test/skips/${entry}`),
  ]
  console.log(`${lines.join('\n')}\n`)
}

/** How many of the behaviour tests ran where no cgroup holds the sessions. */
function behaviour(tests: Test[]): string[] {
  const cases = tests.filter(({ backend }) => backend === FALLBACK)
  const ran = cases.filter(({ state }) => state !== 'skipped').length
  if (cases.length === 0) return []
  return [
    `behaviour under subreapers: ${ran} of ${cases.length} cases run (${Math.floor((100 * ran) / cases.length)} %)`,
  ]
}

function unlisted(tests: Test[], lacks: Lack[]): string[] {
  const found = judge(tests, lacks).unlisted
  const lack = process.env[WRITE_VARIABLE]
  if (lack !== undefined) {
    enlist(lack, found, tests)
    return []
  }
  return found.map(
    ({ backend, file, name }) => `skipped, and on no list of test/skips: ${backend} ${file}: ${name}`,
  )
}

function otherKind(lacks: Lack[]): string[] {
  const [wanted, kind] = [process.env[KIND_VARIABLE], kindOf(lacks)]
  if (wanted === undefined || wanted === '' || wanted === kind) return []
  return [`this host is to be of the kind ${wanted}, and is of ${kind ?? 'none that has a name'}`]
}
