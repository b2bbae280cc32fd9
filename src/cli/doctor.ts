// corral doctor: what this host can promise, why, and the fix for what is missing.

import { InvalidArgumentError } from '../common/errors.js'
import { json } from '../common/text.js'
import { type Diagnosis, diagnose, type Verdict } from '../doctor/doctor.js'
import { dropInFor } from '../doctor/drop-in.js'
import { type Missing, missingOf, parseRequired } from '../doctor/required.js'
import { bytes } from './format.js'
import { columnsOf, type Line, linesOf, type Outcome, type Span, type Style, terminalSize } from './output.js'

const LAYOUTS: Record<Diagnosis['host']['layout'], string> = {
  unified: 'v2',
  hybrid: 'v1, with a v2 beside it that has no controllers (hybrid)',
  v1: 'v1',
  none: 'none mounted',
}

function surroundings({ virtual, wsl, container, unit }: Diagnosis['host']): string {
  const words = [
    ...(wsl ? ['WSL'] : virtual ? ['virtual'] : []),
    ...(container === null ? [] : [container]),
    ...(unit === null ? [] : [`in ${unit.name}`]),
  ]
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}

const STYLE: Record<Verdict, Style> = { PASS: 'good', CAUTION: 'warning', FAIL: 'bad' }
const LABEL_COLUMNS = 13
const VERDICT_COLUMNS = 10
const LEAST_COLUMNS = 20

/** Words in as many lines as they need beside what stands before the first; where there is no terminal in one. */
function wrapped(text: string, indent: number): string[] {
  if (!process.stdout.isTTY) return [text]
  const room = Math.max(LEAST_COLUMNS, terminalSize().columns - indent)
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && columnsOf(longer) <= room) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** A label, and beside it what it is of. */
function entry({ text, style }: Span, columns: number, what: string): Line[] {
  const [first = '', ...others] = wrapped(what, columns)
  return [
    { spans: [{ text: text.padEnd(columns), style }, { text: first }] },
    ...others.map((line) => ' '.repeat(columns) + line),
  ]
}

const about = (label: string, what: string): Line[] =>
  entry({ text: label, style: 'bold' }, LABEL_COLUMNS, what)

/** What was skipped was not tried. */
function candidateLines({ root, candidates }: Diagnosis): Line[] {
  return candidates.flatMap(({ usable, path, kind, why }) => {
    const taken = usable && path === root
    const text = taken ? '  taken' : usable ? '  usable' : '  skipped'
    return entry({ text, style: taken ? 'good' : 'dim' }, LABEL_COLUMNS, `${kind} ${path ?? ''}: ${why}`)
  })
}

function kernelLines({ kernel }: Diagnosis): Line[] {
  if (!kernel) return []
  const feature = (name: string, present: boolean) => `${present ? '' : 'no '}${name}`
  const features = [
    feature('CLONE_INTO_CGROUP', kernel.cloneIntoCgroup),
    feature('cgroup.kill', kernel.cgroupKill),
    feature('cgroup.freeze', kernel.freeze),
    feature('memory.peak', kernel.memoryPeak),
    feature('pressure', kernel.pressure),
  ]
  return [
    ...about('controllers', kernel.controllers.join(' ') || 'no controllers'),
    ...about('kernel', features.join(', ')),
  ]
}

function findingLines({ findings }: Diagnosis): Line[] {
  const told = new Set<string>()
  return findings.flatMap(({ verdict, guarantee, why, fix }) => {
    const lines = entry({ text: verdict, style: STYLE[verdict] }, VERDICT_COLUMNS, `${guarantee}: ${why}`)
    if (!fix) return lines
    const words = told.has(fix) ? 'as above' : fix
    told.add(fix)
    return [...lines, ...entry({ text: '' }, VERDICT_COLUMNS, `fix: ${words}`)]
  })
}

function render(diagnosis: Diagnosis): Line[] {
  const { host, backend, root, canCapMemory, warden } = diagnosis
  const machine = `${host.os}, Linux ${host.kernel} ${host.arch}${surroundings(host)}`
  return [
    ...about('host', `${machine}, ${bytes(host.memoryBytes)} memory, Node ${host.node}`),
    ...about('cgroups', LAYOUTS[host.layout]),
    ...about('backend', backend ?? 'none'),
    ...about('root', root ?? 'none'),
    ...candidateLines(diagnosis),
    ...kernelLines(diagnosis),
    ...about('warden', warden),
    ...about('memory', canCapMemory ? 'can be capped' : 'cannot be capped here'),
    '',
    ...findingLines(diagnosis),
  ]
}

export interface DoctorOptions {
  root?: string
  /** Not a diagnosis, but what this unit has to say. */
  unit?: string
  /** That it is one of a user's manager. */
  user: boolean
  strict: boolean
  /** Names of what has to be there, with commas between them: nothing else is told. */
  require?: string
  json: boolean
}

/** Status 1: there is a FAIL, or with `strict` a CAUTION; with `require`: something of that is missing. */
export async function doctor(options: DoctorOptions): Promise<Outcome> {
  const { root, unit, user, strict, json: asJson } = options
  if (unit !== undefined) {
    const dropIn = dropInFor(unit, { user })
    return { lines: linesOf(asJson ? json(dropIn) : dropIn.text), status: 0 }
  }
  if (user) throw new InvalidArgumentError('--user needs --unit NAME')
  const required = options.require === undefined ? undefined : parseRequired(options.require)
  const diagnosis = await diagnose(root)
  if (required) return tellMissing(missingOf(diagnosis, required), asJson)
  const bad: Verdict[] = strict ? ['FAIL', 'CAUTION'] : ['FAIL']
  return {
    lines: asJson ? linesOf(json(diagnosis)) : render(diagnosis),
    status: diagnosis.findings.some(({ verdict }) => bad.includes(verdict)) ? 1 : 0,
  }
}

function tellMissing(missing: Missing[], asJson: boolean): Outcome {
  const told = missing.map(({ name, why, fix }) => `missing ${name}: ${why}${fix ? ` (fix: ${fix})` : ''}`)
  return { lines: asJson ? linesOf(json({ missing })) : told, status: missing.length > 0 ? 1 : 0 }
}
