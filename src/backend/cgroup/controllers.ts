// All controllers that Corral uses, which of them a directory offers, and turning them on for its children.
import { constants } from 'node:os'
import path from 'node:path'
import {
  explained,
  KernelError,
  LimitUnsupportedError,
  systemCodeOf,
  systemDetails,
} from '../../common/errors.js'
import { hasFile, readFile, readWords, writeFile } from '../../linux/file.js'
import type { ControllerPath } from '../../native/addon.js'
import { step } from '../../native/plan.js'
import type { Enforcement } from '../backend.js'
import type { AppliedLimit, RaisedLimit, Usage } from '../facts.js'
import type { LimitChanges, LimitName, ParsedLimits } from '../limits.js'
import type { Detail } from '../outside.js'
import type { Controller, LimitFile } from './controller.js'
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
            'Processes live in the directory itself (the no-internal-process rule): move them to a child',
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

interface Enforcer {
  controller: Controller
  file: LimitFile
}

function enforcerOf(name: LimitName, controllers: Controller[]): Enforcer | undefined {
  for (const controller of controllers) {
    const file = controller.limits.find(({ limit }) => limit === name)
    if (file) return { controller, file }
  }
  return undefined
}

/** The directory in which a controller has the files of a cgroup v2 directory. */
function controllerPath({ at }: Controller, directory: string): string {
  return at ? at(directory) : directory
}

/** The limits that none of the `controllers` can enforce. One that is lifted needs nobody. */
export function unenforceable(limits: LimitChanges, controllers: Controller[]): LimitName[] {
  return (Object.keys(limits) as LimitName[]).filter(
    (name) => limits[name] !== null && !enforcerOf(name, controllers),
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

/** A control file, by its controller, and what is written into it. */
export interface Setting {
  controller: Controller
  file: string
  value: string
}

/** What is written for `limits`. Those that nothing can enforce are left out. */
export function limitSettings(limits: ParsedLimits, controllers: Controller[]): Setting[] {
  return (Object.entries(limits) as [LimitName, number][]).flatMap(([name, value]) => {
    const enforcer = enforcerOf(name, controllers)
    if (!enforcer) return []
    const { controller, file } = enforcer
    return [{ controller, file: file.file, value: file.format(value) }]
  })
}

/** What is written for a session whatever its limits. */
export function sessionSettings(controllers: Controller[]): Setting[] {
  return controllers.flatMap((controller) =>
    (controller.settings ?? []).map(([file, value]) => ({ controller, file, value })),
  )
}

/** The steps that write into the files of a new directory. The addon reads each back. */
export function writeSteps(directory: string, settings: Setting[]): string {
  return settings
    .map(({ controller, file, value }) =>
      step.write(`${controllerPath(controller, directory)}/${file}`, value),
    )
    .join('')
}

/**
 * Changes limits in a directory that exists, and reads each back: all of them, or none. Those that nothing can enforce
 * are left out.
 * @throws KernelError when the kernel refuses one, or holds it less strictly.
 */
export function changeLimits(directory: string, changes: LimitChanges, controllers: Controller[]): void {
  const undo: (() => void)[] = []
  try {
    for (const [name, value] of Object.entries(changes) as [LimitName, number | null][]) {
      const enforcer = enforcerOf(name, controllers)
      if (!enforcer) continue
      const { controller, file } = enforcer
      const at = controllerPath(controller, directory)
      const before = readFile(at, file.file)
      if (before === undefined)
        throw new KernelError(`there is no ${file.file} in ${at}`, {
          path: at,
          errno: -constants.errno.ENOENT,
        })
      const write = (text: string) => writeFile(at, file.file, text)
      write(value === null ? file.lifted : file.format(value))
      undo.push(() => write(before))
      const held = file.parse(readFile(at, file.file) ?? '')
      if (value !== null && held > value)
        throw new KernelError(`the kernel holds ${name} at ${held} instead of ${value}`, { path: at })
    }
  } catch (error) {
    for (const step of undo.reverse()) undone(step)
    if (error instanceof KernelError) throw error
    const hint =
      systemCodeOf(error) === 'EBUSY'
        ? 'A cap of cgroup v1 cannot be lowered below what is in use'
        : undefined
    throw explained(`the limits of ${directory} cannot be changed`, error, hint)
  }
}

/** The failure that made it necessary is the one to tell of. */
function undone(step: () => void): void {
  try {
    step()
  } catch {}
}

/** Where the kernel holds a limit: a file of the group, or a whole path. */
export interface LimitPath {
  name: LimitName
  path: string
  file: LimitFile
}

/** Those of `limits` that the kernel holds. */
export function limitPaths(directory: string, limits: ParsedLimits, controllers: Controller[]): LimitPath[] {
  return (Object.keys(limits) as LimitName[]).flatMap((name) => {
    const enforcer = enforcerOf(name, controllers)
    if (!enforcer) return []
    const { controller, file } = enforcer
    return [{ name, file, path: controller.at ? `${controller.at(directory)}/${file.file}` : file.file }]
  })
}

/** Those of `limits` that are held less strictly, by the texts of their paths, in the same order; one that is not there tells nothing. */
export function raisedLimits(limits: ParsedLimits, paths: LimitPath[], texts: string[]): RaisedLimit[] {
  return paths.flatMap(({ name, file }, i) => {
    const set = limits[name]
    const text = texts[i]?.trimEnd()
    if (set === undefined || !text) return []
    const held = file.parse(text)
    return held > file.parse(file.format(set)) ? [{ name, set, held: finite(held) }] : []
  })
}

/** Reads back what the kernel holds for each of the `limits`. @throws KernelError */
export function readLimits(
  directory: string,
  limits: ParsedLimits,
  controllers: Controller[],
): AppliedLimit[] {
  try {
    return lookAtLimits(directory, limits, controllers)
  } catch (error) {
    throw explained(`the limits of ${directory} cannot be read back`, error)
  }
}

function lookAtLimits(directory: string, limits: ParsedLimits, controllers: Controller[]): AppliedLimit[] {
  return (Object.entries(limits) as [LimitName, number][]).map(([name, requested]) => {
    const enforcer = enforcerOf(name, controllers)
    const applied = enforcer ? finite(readLimit(directory, enforcer)) : null
    const effective = effectiveLimit(directory, enforcer ?? enforcerOf(name, CONTROLLERS))
    const enforcedBy = enforcer && applied !== null ? enforcer.controller.enforcedBy : 'none'
    return { name, requested, applied, enforcedBy, effective }
  })
}

function readLimit(directory: string, { controller, file }: Enforcer): number {
  const text = readFile(controllerPath(controller, directory), file.file)
  return text === undefined ? Number.POSITIVE_INFINITY : file.parse(text)
}

const finite = (value: number) => (Number.isFinite(value) ? value : null)

/** The smallest on the way from a directory up to the top of its hierarchy, and what the machine has. */
function effectiveLimit(directory: string, enforcer: Enforcer | undefined): number | null {
  if (!enforcer) return null
  const { controller, file } = enforcer
  let smallest = readLimit(directory, enforcer)
  if (!file.machine) return finite(smallest)
  smallest = Math.min(smallest, file.machine())
  for (let at = path.dirname(controllerPath(controller, directory)); isCgroup(at); at = path.dirname(at)) {
    const text = readFile(at, file.file)
    if (text !== undefined) smallest = Math.min(smallest, file.parse(text))
  }
  return finite(smallest)
}

export function isCgroup(directory: string): boolean {
  return hasFile(directory, 'cgroup.procs')
}

/** The least of the caps on memory that hold in a directory, and of the machine's, in bytes. */
export function memoryCap(directory: string): number {
  return effectiveLimit(directory, enforcerOf('memoryMax', CONTROLLERS)) ?? Number.POSITIVE_INFINITY
}

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
