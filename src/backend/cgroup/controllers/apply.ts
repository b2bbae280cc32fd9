// The limits that controllers hold: which can be had, writing them, and reading them back.
import { constants } from 'node:os'
import path from 'node:path'
import { explained, KernelError, LimitUnsupportedError, systemCodeOf } from '../../../common/errors.js'
import { readFile, writeFile } from '../../../linux/file.js'
import { step } from '../../../native/plan.js'
import type { Enforcement } from '../../backend.js'
import type { AppliedLimit, RaisedLimit } from '../../facts.js'
import type { LimitChanges, LimitName, ParsedLimits } from '../../limits.js'
import type { Controller, LimitFile } from './controller.js'
import { CONTROLLERS, controllerPath, isCgroup } from './index.js'

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

/** The limits that none of the `controllers` can enforce. Lifting one needs no controller. */
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
    `no controller here can enforce ${missing.join(', ')}${over ? ` over ${over}` : ''}`,
    {
      path: directory,
      hint: `Run \`corral doctor\` to see what is missing (available controllers: [${controllers.map(({ name }) => name).join(' ')}]), or use enforcement: 'best-effort' (--best-effort) to run without`,
    },
  )
}

/** A control file, by its controller, and what is written into it. */
export interface Setting {
  controller: Controller
  file: string
  value: string
  /** Whether it is left out where there is no such file. */
  optional?: boolean
  /** The limit that it is. */
  limit?: LimitName
  /** By which name it is said that it was left out. */
  called?: string | undefined
}

/** What is written for `limits`. Those that nothing can enforce are left out. */
export function limitSettings(limits: ParsedLimits, controllers: Controller[]): Setting[] {
  return (Object.entries(limits) as [LimitName, number][]).flatMap(([name, value]) => {
    const enforcer = enforcerOf(name, controllers)
    if (!enforcer) return []
    const { controller, file } = enforcer
    return [{ limit: name, controller, file: file.file, value: file.format(value) }]
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
    .map(({ controller, file, value, optional, called }) => {
      const path = `${controllerPath(controller, directory)}/${file}`
      return optional ? step.tryWrite(path, value, called) : step.write(path, value)
    })
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
        throw new KernelError(`the kernel set ${name} to ${held} instead of ${value}`, { path: at })
    }
  } catch (error) {
    for (const step of undo.reverse()) undone(step)
    if (error instanceof KernelError) throw error
    const hint =
      systemCodeOf(error) === 'EBUSY'
        ? 'Choose a higher cap: cgroup v1 refuses one below what is in use'
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
  /** In cgroup v2. */
  inV2: boolean
}

/** Those of `limits` that the kernel holds. */
export function limitPaths(directory: string, limits: ParsedLimits, controllers: Controller[]): LimitPath[] {
  return (Object.keys(limits) as LimitName[]).flatMap((name) => {
    const enforcer = enforcerOf(name, controllers)
    if (!enforcer) return []
    const { controller, file } = enforcer
    const place = controller.at ? `${controller.at(directory)}/${file.file}` : file.file
    return [{ name, file, path: place, inV2: controller.enforcedBy === 'cgroup' }]
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

/** The least of the caps on memory that hold in a directory, and of the machine's, in bytes. */
export function memoryCap(directory: string): number {
  return effectiveLimit(directory, enforcerOf('memoryMax', CONTROLLERS)) ?? Number.POSITIVE_INFINITY
}
