// corral doctor: what this host can promise, why, and the fix for what is missing.

import { InvalidArgumentError } from '../common/errors.js'
import { json } from '../common/text.js'
import { type Diagnosis, diagnose, type Verdict } from '../doctor/doctor.js'
import { dropInFor } from '../doctor/drop-in.js'
import { bytes } from './format.js'
import { linesOf, type Outcome } from './output.js'

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

function render(diagnosis: Diagnosis): string[] {
  const { host, backend, root, candidates, kernel, canCapMemory, warden, findings } = diagnosis
  const lines = [
    `host      ${host.os}, Linux ${host.kernel} ${host.arch}${surroundings(host)}, ${bytes(host.memoryBytes)} memory, Node ${host.node}`,
    `cgroups   ${LAYOUTS[host.layout]}`,
    `backend   ${backend ?? 'none'}`,
    `root      ${root ?? 'none'}`,
  ]
  for (const candidate of candidates)
    lines.push(
      `  ${candidate.usable ? (candidate.path === root ? 'taken ' : 'usable') : 'passed'}  ${candidate.kind} ${candidate.path ?? ''}: ${candidate.why}`,
    )
  if (kernel) {
    lines.push(`controls  ${kernel.controllers.join(' ') || 'no controllers'}`)
    const feature = (name: string, present: boolean) => `${present ? '' : 'no '}${name}`
    lines.push(
      `kernel    ${[
        feature('CLONE_INTO_CGROUP', kernel.cloneIntoCgroup),
        feature('cgroup.kill', kernel.cgroupKill),
        feature('cgroup.freeze', kernel.freeze),
        feature('memory.peak', kernel.memoryPeak),
        feature('pressure', kernel.pressure),
      ].join(', ')}`,
    )
  }
  lines.push(`warden    ${warden}`)
  lines.push(`memory    ${canCapMemory ? 'can be capped' : 'cannot be capped here'}`, '')
  const told = new Set<string>()
  for (const { verdict, guarantee, why, fix } of findings) {
    lines.push(`${verdict.padEnd(8)}  ${guarantee}: ${why}`)
    if (fix) lines.push(`          fix: ${told.has(fix) ? 'as above' : fix}`)
    if (fix) told.add(fix)
  }
  return lines
}

export interface DoctorOptions {
  root?: string
  /** Not a diagnosis, but what this unit has to say. */
  unit?: string
  /** That it is one of a user's manager. */
  user: boolean
  strict: boolean
  json: boolean
}

/** Status 1: there is a FAIL, or with `strict` a CAUTION. */
export async function doctor({ root, unit, user, strict, json: asJson }: DoctorOptions): Promise<Outcome> {
  if (unit !== undefined) {
    const dropIn = dropInFor(unit, { user })
    return { lines: linesOf(asJson ? json(dropIn) : dropIn.text), status: 0 }
  }
  if (user) throw new InvalidArgumentError('--user needs --unit NAME')
  const diagnosis = await diagnose(root)
  const bad: Verdict[] = strict ? ['FAIL', 'CAUTION'] : ['FAIL']
  return {
    lines: asJson ? linesOf(json(diagnosis)) : render(diagnosis),
    status: diagnosis.findings.some(({ verdict }) => bad.includes(verdict)) ? 1 : 0,
  }
}
