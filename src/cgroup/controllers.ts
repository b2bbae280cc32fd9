// All controllers that Corral uses, which of them a directory offers, and turning them on for its children.
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { AppliedLimit, Enforcement, Usage } from '../backend.js'
import { KernelError, LimitUnsupportedError, systemCodeOf, systemDetails } from '../errors.js'
import type { LimitChanges, LimitName, ParsedLimits } from '../limits.js'
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

/** The controllers without the limits that this kernel has no file for (no swap accounting, no io policy). */
export function withLimitsIn(directory: string, controllers: Controller[]): Controller[] {
  return controllers.map((controller) => ({
    ...controller,
    limits: controller.limits.filter(({ file }) => existsSync(path.join(directory, file))),
  }))
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

/** The limits that none of the `controllers` can enforce. One that is lifted needs nobody. */
export function unenforceable(limits: LimitChanges, controllers: Controller[]): LimitName[] {
  return (Object.keys(limits) as LimitName[]).filter(
    (name) => limits[name] !== null && !limitFileOf(name, controllers),
  )
}

/** @throws LimitUnsupportedError where something is required and cannot be had; nothing was done then. */
export function assertEnforceable(
  limits: LimitChanges,
  controllers: Controller[],
  { enforcement, over, path: directory }: { enforcement: Enforcement; over?: string; path: string },
): void {
  const missing = unenforceable(limits, controllers)
  if (enforcement !== 'required' || missing.length === 0) return
  throw new LimitUnsupportedError(
    `nothing here can enforce ${missing.join(', ')}${over ? ` over ${over}` : ''}`,
    {
      path: directory,
      hint: `The controllers here are [${controllers.map(({ name }) => name).join(' ')}]; \`corral doctor\` tells what is missing, and enforcement: 'best-effort' (--best-effort) runs without`,
    },
  )
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

/**
 * Changes limits in a directory that exists, and reads each back: all of them, or none. Those that nothing can enforce
 * are left out.
 * @throws KernelError when the kernel refuses one, or holds it less strictly.
 */
export function changeLimits(directory: string, changes: LimitChanges, controllers: Controller[]): void {
  const undo: [file: string, text: string][] = []
  try {
    for (const [name, value] of Object.entries(changes) as [LimitName, number | null][]) {
      const file = limitFileOf(name, controllers)
      if (!file) continue
      const before = readFile(directory, file.file)
      if (before === undefined) throw new KernelError(`there is no ${file.file} here`, { path: directory })
      writeFileSync(path.join(directory, file.file), value === null ? file.lifted : file.format(value))
      undo.push([file.file, before])
      const held = file.parse(readFile(directory, file.file) ?? '')
      if (value !== null && held > value)
        throw new KernelError(`the kernel holds ${name} at ${held} instead of ${value}`, { path: directory })
    }
  } catch (error) {
    for (const [file, text] of undo.reverse()) writeFileSync(path.join(directory, file), text)
    if (error instanceof KernelError) throw error
    throw new KernelError(`the limits of ${directory} cannot be changed`, systemDetails(error))
  }
}

/** Reads back what the kernel holds for each of the `limits`. */
export function readLimits(
  directory: string,
  limits: ParsedLimits,
  controllers: Controller[],
): AppliedLimit[] {
  return (Object.entries(limits) as [LimitName, number][]).map(([name, requested]) => {
    const file = limitFileOf(name, CONTROLLERS)
    const effective = file ? effectiveLimit(directory, file) : null
    const text = limitFileOf(name, controllers) && file && readFile(directory, file.file)
    const applied = file && text !== undefined ? finite(file.parse(text)) : null
    return { name, requested, applied, enforcedBy: applied === null ? 'none' : 'cgroup', effective }
  })
}

const finite = (value: number) => (Number.isFinite(value) ? value : null)

/** The smallest on the way from a directory up to the top of its hierarchy, and what the machine has. */
function effectiveLimit(directory: string, file: LimitFile): number | null {
  const own = readFile(directory, file.file)
  let smallest = own === undefined ? Number.POSITIVE_INFINITY : file.parse(own)
  if (!file.machine) return finite(smallest)
  smallest = Math.min(smallest, file.machine())
  for (let at = path.dirname(directory); isCgroup(at); at = path.dirname(at)) {
    const text = readFile(at, file.file)
    if (text !== undefined) smallest = Math.min(smallest, file.parse(text))
  }
  return finite(smallest)
}

function isCgroup(directory: string): boolean {
  return existsSync(path.join(directory, 'cgroup.controllers'))
}

/** The least of the caps on memory that hold in a directory, and of the machine's, in bytes. */
export function memoryCap(directory: string): number {
  const file = limitFileOf('memoryMax', CONTROLLERS)
  return (file && effectiveLimit(directory, file)) ?? Number.POSITIVE_INFINITY
}

/** Those that tell of a group's use: cpu does so also where it is not enabled (cpu.stat is always there). */
function counting(controllers: Controller[]): Controller[] {
  const names = controllers.map(({ name }) => name)
  return CONTROLLERS.filter((controller) => controller === cpu || names.includes(controller.name))
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
