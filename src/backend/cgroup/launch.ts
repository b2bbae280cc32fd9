// What the warden is told by `corral run` where the command gets a cgroup.
import { boundWords, type RunPlan } from '../launch.js'
import { ledgerWords } from '../ledger.js'
import { capsAround, withinCaps } from './caps-around.js'
import { assertEnforceable, limitSettings, sessionSettings, unenforceable } from './controllers/apply.js'
import { enableControllers } from './controllers/index.js'
import { killMethod } from './kill.js'
import { findMemoryV1, memoryV1Controller } from './memory-v1.js'
import { labelOfKey, nameOfKey } from './name.js'
import { vacateRoot } from './root.js'

function placeWords(keys: string[]): string[] {
  const names = keys.map(nameOfKey)
  const words = names.length > 0 ? ['--place', names.join('/')] : []
  for (const [index, key] of keys.entries()) {
    const name = names[index] ?? ''
    const label = labelOfKey(key, name)
    if (label !== undefined) words.push('--key', name, label)
  }
  return words
}

/** The command gets a cgroup below `root`, under the caps that it would be under without us, too. */
export function cgroupWords(root: string, startedIn: string | undefined, plan: RunPlan): string[] {
  const { enforcement, keys } = plan
  const around = capsAround(root, startedIn)
  vacateRoot(root)
  const enabled = enableControllers(root)
  const memoryGroup = enabled.some(({ oom }) => oom) ? undefined : findMemoryV1()
  const controllers =
    memoryGroup === undefined ? enabled : [...enabled, memoryV1Controller((directory) => directory)]
  assertEnforceable(plan.limits, controllers, { enforcement, path: root })
  const limits = withinCaps(plan.limits, around, controllers)
  const settings = [...sessionSettings(controllers), ...limitSettings(limits, controllers)]
  const set = enforcement === 'best-effort' ? '--try-set' : '--set'
  const words = [
    'run',
    '--root',
    root,
    ...placeWords(keys),
    ...(memoryGroup === undefined ? [] : ['--memory-group', memoryGroup]),
    ...settings.flatMap(({ controller, file, value }) => [
      controller.enforcedBy === 'cgroup-v1' ? '--set-memory' : set,
      `${file}=${value}`,
    ]),
    ...boundWords(plan),
    ...ledgerWords(plan.ledger),
  ]
  if (limits.memoryMax !== undefined && unenforceable(limits, controllers).includes('memoryMax'))
    words.push('--watch-memory', String(limits.memoryMax))
  if (killMethod() === 'freeze') words.push('--freeze')
  if (process.env['CORRAL_NO_CLONE3'] === '1') words.push('--no-clone3')
  return words
}
