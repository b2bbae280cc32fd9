// All controllers that Corral uses, which of them a directory offers, and turning them on for its children.
import { KernelError, systemCodeOf, systemDetails } from '../../../common/errors.js'
import { hasFile, readWords, writeFile } from '../../../linux/file.js'
import { step } from '../../../native/plan.js'
import type { Controller } from './controller.js'
import { cpu } from './cpu.js'
import { io } from './io.js'
import { memory } from './memory.js'
import { pids } from './pids.js'

export const CONTROLLERS: Controller[] = [memory, pids, cpu, io]

/** The controllers that `directory` could give its children. */
export function offeredControllers(directory: string): Controller[] {
  const offered = readWords(directory, 'cgroup.controllers')
  return CONTROLLERS.filter((controller) => offered.includes(controller.name))
}

/** The controllers that the children of `directory` have. */
export function enabledControllers(directory: string): Controller[] {
  const enabled = readWords(directory, 'cgroup.subtree_control')
  return CONTROLLERS.filter((controller) => enabled.includes(controller.name))
}

/** The controllers without the limits that this kernel has no file for (no swap accounting, no io policy). */
export function withLimitsIn(directory: string, controllers: Controller[]): Controller[] {
  return controllers.map((controller) => ({
    ...controller,
    limits: controller.limits.filter(({ file }) => hasFile(controllerPath(controller, directory), file)),
  }))
}

/** Turns on, for the children of `directory`, all it offers; what cannot be turned on stays off. */
export function enableControllers(directory: string): Controller[] {
  for (const controller of offeredControllers(directory)) {
    if (enabledControllers(directory).includes(controller)) continue
    try {
      writeFile(directory, 'cgroup.subtree_control', `+${controller.name}`)
    } catch (error) {
      // One that will not be had (a cpu controller with realtime tasks, io without a policy) must not cost the
      // others. EBUSY is different: processes sit in the directory itself, and then none can be had.
      if (systemCodeOf(error) === 'EBUSY')
        throw new KernelError(
          `controllers cannot be turned on in ${directory}`,
          systemDetails(
            error,
            'Move the processes in the directory itself to a child: a cgroup with processes of its own cannot give controllers to its children',
          ),
        )
    }
  }
  return enabledControllers(directory)
}

/** The steps that turn `controllers` on below a new directory. */
export function enableSteps(directory: string, controllers: Controller[]): string {
  const own = controllers.filter(({ at }) => !at) // in v1, all children have it
  if (own.length === 0) return ''
  const value = own.map((controller) => `+${controller.name}`).join(' ')
  return step.write(`${directory}/cgroup.subtree_control`, value)
}

/** The steps that make a directory, and those elsewhere in which one of the controllers has its files. */
export function directorySteps(kind: 'new' | 'shared', directory: string, controllers: Controller[]): string {
  const make = kind === 'new' ? step.newDirectory : step.sharedDirectory
  return make(directory) + controllers.map(({ at }) => (at ? make(at(directory)) : '')).join('')
}

/** The directory in which a controller has the files of a cgroup v2 directory. */
export function controllerPath({ at }: Controller, directory: string): string {
  return at ? at(directory) : directory
}

export function isCgroup(directory: string): boolean {
  return hasFile(directory, 'cgroup.procs')
}
