// What the warden is told by `corral run` where the command gets a cgroup.
import { loadNative } from '../../native/addon.js'
import { CORRAL, LEAF, SESSIONS } from '../../native/language.js'
import { step } from '../../native/plan.js'
import { type Launch, packRun, type RunPlan, unwatched } from '../launch.js'
import { capsAround, withinCaps } from './caps-around.js'
import { assertEnforceable, limitSettings, sessionSettings, unenforceable } from './controllers/apply.js'
import { enableControllers, enableSteps } from './controllers/index.js'
import { newInstanceName } from './instance.js'
import { killMethod } from './kill.js'
import { findMemoryV1, MemoryV1, v1PathOf } from './memory-v1.js'
import { nameOfKey } from './name.js'
import { vacateRoot } from './root.js'
import { familySteps, groupSteps } from './steps.js'

// What is kept of a command line; a whole one can be megabytes.
const COMMAND_LENGTH = 512

/** The command gets a cgroup below `root`, under the caps that it would be under without us, too. */
export function launchInCgroup(root: string, startedIn: string | undefined, plan: RunPlan): Launch {
  const { enforcement } = plan
  const around = capsAround(root, startedIn)
  vacateRoot(root)
  const enabled = enableControllers(root)
  const name = newInstanceName()
  const instance = `${root}/${CORRAL}/${name}`
  const memoryGroup = enabled.some(({ oom }) => oom) ? undefined : findMemoryV1()
  const memoryV1 =
    memoryGroup === undefined
      ? undefined
      : new MemoryV1(loadNative(), instance, v1PathOf(memoryGroup, instance))
  const controllers = memoryV1 ? [...enabled, memoryV1.controller] : enabled
  assertEnforceable(plan.limits, controllers, { enforcement, path: root })
  const limits = withinCaps(plan.limits, around, controllers)
  const watched = unenforceable(limits, controllers).includes('memoryMax') ? limits.memoryMax : undefined

  const sessions = `${instance}/${SESSIONS}`
  const keys = plan.keys.length > 0 ? plan.keys : [`${name}-1`]
  const directories = keys.map((_, at) => [sessions, ...keys.slice(0, at + 1).map(nameOfKey)].join('/'))
  const families = keys.map((key, at) => familySteps(directories[at] ?? '', key, controllers))
  const group = `${directories.at(-1)}/${LEAF}`
  // Before there is such a directory nobody knows which files a controller has in it
  const settings = [...sessionSettings(controllers), ...limitSettings(limits, controllers)].map(
    (setting) => ({
      ...setting,
      optional: enforcement === 'best-effort' && setting.controller.enforcedBy === 'cgroup',
      called: setting.limit && setting.limit in plan.limits ? plan.nameOf(setting.limit) : undefined,
    }),
  )
  const make =
    [`${root}/${CORRAL}`, instance].map((directory) => enableSteps(directory, controllers)).join('') +
    step.sharedDirectory(sessions) +
    enableSteps(sessions, controllers) +
    (memoryV1 ? memoryV1.steps() : '') +
    families.join('') +
    groupSteps(
      group,
      { mode: 'oneshot', command: plan.command.slice(0, COMMAND_LENGTH), program: plan.program },
      settings,
      controllers,
    )
  const block = packRun(plan, {
    flags: killMethod() === 'freeze' ? 'f' : '',
    watchedMemory: watched,
    root,
    instance: name,
    group: {
      group,
      memoryGroup: memoryV1?.v1Path(group),
      make,
      noClone3: process.env['CORRAL_NO_CLONE3'] === '1',
    },
    shown: `corral run -- ${plan.command}`.slice(0, COMMAND_LENGTH),
  })
  return { block, unheld: unwatched(unenforceable(plan.limits, controllers)) }
}
