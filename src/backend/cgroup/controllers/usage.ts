// What controllers count: which files to read, and what their texts say.
import { explained } from '../../../common/errors.js'
import { readFile } from '../../../linux/file.js'
import type { ControllerPath } from '../../../native/addon.js'
import type { Usage } from '../../facts.js'
import type { Detail } from '../../outside.js'
import type { Controller } from './controller.js'
import { cpu } from './cpu.js'
import { controllerPath } from './index.js'

/** Those that tell of a group's use: cpu does so also where it is not enabled (cpu.stat is always there). */
function counting(controllers: Controller[]): Controller[] {
  return controllers.some(({ name }) => name === cpu.name) ? controllers : [...controllers, cpu]
}

/** The files by which parseUsage() knows what a group with these controllers used: names, or whole paths. */
export function counterFiles(directory: string, controllers: Controller[]): string[] {
  return counting(controllers).flatMap(({ counters, at }) =>
    at ? counters.map((file) => `${at(directory)}/${file}`) : counters,
  )
}

/** The same of all groups below `top`, for survey(). */
export function counterPaths(top: string, controllers: Controller[]): ControllerPath[] {
  return counting(controllers).map(({ counters, at }) => ({ top: at ? at(top) : '', files: counters }))
}

/** The same controllers, telling so much. */
export function inDetail(controllers: Controller[], detail: Detail): Controller[] {
  if (detail === 'all') return controllers
  return counting(controllers).map((one) => ({ ...one, counters: detail === 'gauges' ? one.gauges : [] }))
}

/** What a group used, by the texts of its counterFiles() or counterPaths(), in the same order. */
export function parseUsage(controllers: Controller[], texts: string[]): Usage {
  const all: Usage = {}
  let before = 0
  for (const { counters, usage } of counting(controllers)) {
    const first = before
    Object.assign(
      all,
      usage((file) => {
        const at = counters.indexOf(file)
        return at === -1 ? undefined : texts[first + at]?.trimEnd() || undefined
      }),
    )
    before += counters.length
  }
  return all
}

/** What a group has used so far. @throws KernelError */
export function readUsage(directory: string, controllers: Controller[]): Usage {
  try {
    const usages = counting(controllers).map((controller) => {
      const at = controllerPath(controller, directory)
      return controller.usage((file) => readFile(at, file))
    })
    return Object.assign({}, ...usages)
  } catch (error) {
    throw explained(`what ${directory} uses cannot be read`, error)
  }
}
