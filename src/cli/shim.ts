// corral shim: programs by the names of agents that run them contained.
import { mkdirSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Limits } from '../backend/limits.js'
import { failure, InvalidArgumentError, KernelError, systemCodeOf } from '../common/errors.js'
import { json } from '../common/text.js'
import { findBehindShims } from '../integrations/shim/behind.js'
import { shimDirectory } from '../integrations/shim/directory.js'
import { isShim, parseShimName, removeShim, writeShim } from '../integrations/shim/script.js'
import { itself, type RunFlags, runWords } from './itself.js'
import { linesOf, type Outcome } from './output.js'

export interface ShimOptions extends RunFlags {
  dir?: string
  remove: boolean
  json: boolean
}

interface Shim {
  name: string
  path: string
  /** The program behind it; null where PATH has none. */
  real: string | null
}

/** The words by which a shim starts `corral run`. */
export function shimCommand(flags: RunFlags): string[] {
  return [...itself(), 'run', '--behind-shims', ...runWords(flags)]
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => isShim(join(directory, name)))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw failure(KernelError, `${directory} cannot be read`, error)
  }
}

/** Writes shims. @throws InvalidArgumentError, InvalidLimitError, KernelError */
export function makeShims(directory: string, names: readonly string[], flags: RunFlags): Shim[] {
  for (const name of names) parseShimName(name)
  const command = shimCommand(flags)
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    throw failure(KernelError, `${directory} cannot be made`, error)
  }
  return names.map((name) => describe(name, writeShim(directory, name, command)))
}

const describe = (name: string, path: string): Shim => ({ name, path, real: findBehindShims(name) ?? null })

function tell({ path, real }: Shim): string {
  return `${path} -> ${real ?? 'not found on PATH yet'}`
}

function advice(directory: string): string[] {
  const first = (process.env['PATH'] ?? '').split(delimiter)[0]
  return first === directory
    ? []
    : [`Put ${directory} first in the PATH of the gateway, or have it start the shim by its path.`]
}

/** Status 1: a shim to be removed was not there. */
export function shim(names: string[], options: ShimOptions & { limits: Limits }): Outcome {
  const directory = shimDirectory(options.dir)
  if (options.remove) return remove(directory, names, options.json)
  const shims =
    names.length > 0
      ? makeShims(directory, names, options)
      : list(directory).map((name) => describe(name, join(directory, name)))
  const lines = shims.length === 0 ? [`no shims in ${directory}`] : [...shims.map(tell), ...advice(directory)]
  return { lines: options.json ? linesOf(json(shims)) : lines, status: 0 }
}

function remove(directory: string, names: string[], asJson: boolean): Outcome {
  if (names.length === 0)
    throw new InvalidArgumentError('no shim to remove was named', {
      hint: `Name one or more of: ${list(directory).join(', ')}`,
    })
  const removed = names.map((name) => ({ path: join(directory, name), removed: removeShim(directory, name) }))
  const lines = removed.map((one) => `${one.removed ? 'removed' : 'not there'}: ${one.path}`)
  return {
    lines: asJson ? linesOf(json(removed)) : lines,
    status: removed.every((one) => one.removed) ? 0 : 1,
  }
}
