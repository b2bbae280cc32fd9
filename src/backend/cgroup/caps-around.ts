// Caps that hold for the gateway and not for its sessions, because these are built outside of the cgroups that have them: as
// root at the top of the hierarchy, or in a scope that systemd gave.
import { statSync } from 'node:fs'
import path from 'node:path'
import { isGone } from '../../common/errors.js'
import { readFile } from '../../linux/file.js'
import { findCgroupMounts } from '../../linux/mounts.js'
import { SUPERVISOR } from '../../native/language.js'
import type { CapAround } from '../facts.js'
import type { ParsedLimits } from '../limits.js'
import { unenforceable } from './controllers/apply.js'
import type { Controller } from './controllers/controller.js'
import { CONTROLLERS, isCgroup } from './controllers/index.js'

/** The cgroup that this process is in; it is asked for before systemd is, which may move us. */
export const ownCgroup = (): string | undefined => findCgroupMounts().ownDirectory

function* upwards(directory: string): Generator<string> {
  for (let at = directory; isCgroup(at); at = path.dirname(at)) yield at
}

/** Of cgroup v2, from a cgroup upwards. What a v1 hierarchy caps holds for all that we start. */
export function capsAround(root: string, own: string | undefined): CapAround[] {
  if (own === undefined) return []
  try {
    const shared = new Set([...upwards(root)].map((directory) => statSync(directory).ino))
    return [...upwards(own)]
      .filter(
        (directory) => !shared.has(statSync(directory).ino) && directory !== path.join(root, SUPERVISOR),
      )
      .flatMap(capsOf)
  } catch (error) {
    if (isGone(error)) return [] // we were moved meanwhile
    throw error
  }
}

function capsOf(directory: string): CapAround[] {
  return CONTROLLERS.flatMap(({ limits }) =>
    limits.flatMap(({ limit, file, parse, machine }) => {
      const text = machine && readFile(directory, file)
      const held = text === undefined ? Number.POSITIVE_INFINITY : parse(text)
      return Number.isFinite(held) ? [{ name: limit, held, path: directory }] : []
    }),
  )
}

/** Limits that are no higher than these caps, as far as the controllers can enforce them. */
export function withinCaps(
  limits: ParsedLimits,
  caps: readonly CapAround[],
  controllers: Controller[],
): ParsedLimits {
  const within = { ...limits }
  for (const { name, held } of caps)
    if (unenforceable({ [name]: held }, controllers).length === 0)
      within[name] = Math.min(held, within[name] ?? held)
  const { memoryHigh, memoryMax } = within
  if (memoryHigh !== undefined && memoryMax !== undefined && memoryHigh > memoryMax) delete within.memoryHigh
  return within
}

/** What has them hold for sessions too. */
export function capsAroundHint(caps: readonly CapAround[]): string {
  const [cap] = caps
  const unit = cap?.path.split('/').findLast((name) => name.endsWith('.service'))
  if (cap === undefined || unit === undefined || unit.startsWith('user@'))
    return 'Start the gateway in a service with Delegate=yes, or cap its sessions together: openCorral({ sessions })'
  const edit = `systemctl ${cap.path.includes('/user@') ? '--user ' : ''}edit ${unit}`
  return `${edit}: section [Service], Delegate=yes and DelegateSubgroup=supervisor; then restart ${unit}`
}
