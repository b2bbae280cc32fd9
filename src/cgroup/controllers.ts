// All controllers that Corral uses, which of them a directory offers, and turning them on for its children.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { AppliedLimit, Usage } from '../backend.js'
import { KernelError, systemCodeOf, systemDetails } from '../errors.js'
import type { LimitName, ParsedLimits } from '../limits.js'
import { step } from '../native-plan.js'
import type { Controller, LimitFile } from './controller.js'
import { cpu } from './cpu.js'
import { readFile, readWords } from './file.js'
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

/** Turns on, for the children of `directory`, all it offers; what cannot be turned on stays off. */
export function enableControllers(directory: string): Controller[] {
  for (const controller of offeredControllers(directory)) {
    if (enabledControllers(directory).includes(controller)) continue
    try {
      writeFileSync(path.join(directory, 'cgroup.subtree_control'), `+${controller.name}`)
    } catch (error) {
      // One that will not be had (a cpu controller with realtime tasks, io without a policy) must not cost the
      // others. EBUSY is different: processes sit in the directory itself, and then none can be had.
      if (systemCodeOf(error) === 'EBUSY')
        throw new KernelError(
          `controllers cannot be turned on in ${directory}`,
          systemDetails(
            error,
            'Processes live in the directory itself (the no-internal-process rule): move them to a child',
          ),
        )
    }
  }
  return enabledControllers(directory)
}

/** The steps that turn `controllers` on below a new directory. */
export function enableSteps(directory: string, controllers: Controller[]): string {
  if (controllers.length === 0) return ''
  const value = controllers.map((controller) => `+${controller.name}`).join(' ')
  return step.write(`${directory}/cgroup.subtree_control`, value)
}

function limitFileOf(name: LimitName, controllers: Controller[]): LimitFile | undefined {
  return controllers.flatMap((controller) => controller.limits).find((file) => file.limit === name)
}

/** The limits that none of the `controllers` can enforce. */
export function unenforceable(limits: ParsedLimits, controllers: Controller[]): LimitName[] {
  return (Object.keys(limits) as LimitName[]).filter((name) => !limitFileOf(name, controllers))
}

/** What is written for `limits`: control files and their values. Those that nothing can enforce are left out. */
export function limitFiles(limits: ParsedLimits, controllers: Controller[]): [file: string, value: string][] {
  return (Object.entries(limits) as [LimitName, number][]).flatMap(([name, value]) => {
    const file = limitFileOf(name, controllers)
    return file ? [[file.file, file.format(value)] as [string, string]] : []
  })
}

/** What is written for a session whatever its limits: control files and their values. */
export function settingFiles(controllers: Controller[]): [file: string, value: string][] {
  return controllers.flatMap(({ settings = [] }) => settings)
}

/** The steps that write into the files of a new directory. The addon reads each back. */
export function writeSteps(directory: string, files: [file: string, value: string][]): string {
  return files.map(([file, value]) => step.write(`${directory}/${file}`, value)).join('')
}

/** Sets limits in a directory that exists, and reads each back. @throws KernelError when the kernel holds less strictly. */
export function setLimits(directory: string, limits: ParsedLimits, controllers: Controller[]): void {
  for (const [file, value] of limitFiles(limits, controllers))
    writeFileSync(path.join(directory, file), value)
  for (const { name, requested, applied } of readLimits(directory, limits, controllers))
    if (applied !== null && applied > requested)
      throw new KernelError(`the kernel holds ${name} at ${applied} instead of ${requested}`, {
        path: directory,
      })
}

/** Reads back what the kernel holds for each of the `limits`. */
export function readLimits(
  directory: string,
  limits: ParsedLimits,
  controllers: Controller[],
): AppliedLimit[] {
  return (Object.entries(limits) as [LimitName, number][]).map(([name, requested]) => {
    const file = limitFileOf(name, controllers)
    const text = file && readFile(directory, file.file)
    if (!file || text === undefined) return { name, requested, applied: null, enforcedBy: 'none' }
    return { name, requested, applied: file.parse(text), enforcedBy: 'cgroup' }
  })
}

/** Those that tell of a group's use: cpu does so also where it is not enabled (cpu.stat is always there). */
function counting(controllers: Controller[]): Controller[] {
  return CONTROLLERS.filter((controller) => controller === cpu || controllers.includes(controller))
}

/** The files by which parseUsage() knows what a group with these controllers used. */
export function counterFiles(controllers: Controller[]): string[] {
  return counting(controllers).flatMap(({ counters }) => counters)
}

/** What a group used, by the texts of its counterFiles(), in the same order. */
export function parseUsage(controllers: Controller[], texts: string[]): Usage {
  const files = counterFiles(controllers)
  const read = (file: string) => texts[files.indexOf(file)]?.trimEnd() || undefined
  return Object.assign({}, ...counting(controllers).map((controller) => controller.usage(read)))
}

/** What a group has used so far. */
export function readUsage(directory: string, controllers: Controller[]): Usage {
  const read = (file: string) => readFile(directory, file)
  return Object.assign({}, ...counting(controllers).map((controller) => controller.usage(read)))
}
