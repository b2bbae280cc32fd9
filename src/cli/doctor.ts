// corral doctor: what this host can promise, why, and the fix for what is missing.
import { type Diagnosis, diagnose } from '../doctor.js'
import { dropInFor } from '../drop-in.js'
import { InvalidArgumentError } from '../errors.js'
import { bytes, json } from './format.js'

function render(diagnosis: Diagnosis): string {
  const { host, backend, root, candidates, kernel, canCapMemory, warden, findings } = diagnosis
  const lines = [
    `host      ${host.os}, Linux ${host.kernel} ${host.arch}${host.virtual ? ' (virtual)' : ''}, ${bytes(host.memoryBytes)} memory, Node ${host.node}`,
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
  for (const { verdict, guarantee, why, fix } of findings) {
    lines.push(`${verdict.padEnd(8)}  ${guarantee}: ${why}`)
    if (fix) lines.push(`          fix: ${fix}`)
  }
  return lines.join('\n')
}

export interface DoctorOptions {
  root?: string
  /** Not a diagnosis, but what this unit has to say. */
  unit?: string
  /** That it is one of a user's manager. */
  user: boolean
  json: boolean
}

/** The text to print, and the exit status: 1 when no session can be held here. */
export async function doctor({ root, unit, user, json: asJson }: DoctorOptions): Promise<{
  text: string
  status: number
}> {
  if (unit !== undefined) {
    const dropIn = dropInFor(unit, { user })
    return { text: asJson ? json(dropIn) : dropIn.text, status: 0 }
  }
  if (user) throw new InvalidArgumentError('--user goes with --unit NAME')
  const diagnosis = await diagnose(root)
  return { text: asJson ? json(diagnosis) : render(diagnosis), status: diagnosis.backend ? 0 : 1 }
}
