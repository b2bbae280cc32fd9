// What a program that needs this or that of Corral asks for before it begins: `corral doctor --require`.
import { InvalidArgumentError } from '../common/errors.js'
import { quote } from '../common/quote.js'
import type { Diagnosis } from './doctor.js'
import type { Finding } from './facts.js'

export interface Missing {
  name: string
  why: string
  fix?: string
}

type Reason = Omit<Missing, 'name'>

/** Undefined where it is there. */
type Requirement = (diagnosis: Diagnosis) => Reason | undefined

const WITHOUT_ROOT: Reason = {
  why: 'there is no cgroup to build in',
  fix: 'Run `corral doctor` to see what is in the way',
}

const reasonOf = ({ why, fix }: Finding): Reason => ({ why, ...(fix !== undefined && { fix }) })

/** That finding is a PASS; what is judged below a root only is missing without one. */
function passes(id: string): Requirement {
  return ({ findings }) => {
    const finding = findings.find((one) => one.id === id)
    if (!finding) return WITHOUT_ROOT
    return finding.verdict === 'PASS' ? undefined : reasonOf(finding)
  }
}

/** Sessions can be held and ended whole, in a weaker way too. */
const kill: Requirement = ({ findings, backend }) => {
  const held = findings.find(({ id }) => id === 'held')
  if (backend !== null && held?.verdict !== 'FAIL') return undefined
  return held ? reasonOf(held) : WITHOUT_ROOT
}

/** The kernel enforces memoryMax, by whichever version of cgroups. */
const memory: Requirement = (diagnosis) => (diagnosis.canCapMemory ? undefined : passes('memory')(diagnosis))

const PASSED = ['swap', 'pids', 'cpu', 'io', 'placed', 'empty', 'guard', 'oom', 'watches']

const REQUIREMENTS = new Map<string, Requirement>([
  ['kill', kill],
  ['memory', memory],
  ['cgroup', ({ backend }) => (backend === 'cgroup' ? undefined : WITHOUT_ROOT)],
  ...PASSED.map((id): [string, Requirement] => [id, passes(id)]),
])

/** @throws InvalidArgumentError */
export function parseRequired(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !REQUIREMENTS.has(name))
  if (unknown === undefined) return names
  throw new InvalidArgumentError(
    `Invalid --require: expected names with commas between them, got ${quote(unknown)}`,
    { hint: `There are: ${[...REQUIREMENTS.keys()].join(', ')}` },
  )
}

export function missingOf(diagnosis: Diagnosis, names: readonly string[]): Missing[] {
  return names.flatMap((name) => {
    const reason = REQUIREMENTS.get(name)?.(diagnosis)
    return reason ? [{ name, ...reason }] : []
  })
}
