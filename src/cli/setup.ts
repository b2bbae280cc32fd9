// corral setup: has a host start its agents contained, by its configuration.
import { resolve } from 'node:path'
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import { ConfigError, InvalidArgumentError } from '../common/errors.js'
import { findBackup, readConfig, restore, writeConfig } from '../integrations/setup/file.js'
import { HOSTS, type Host } from '../integrations/setup/hosts.js'
import { planSetup } from '../integrations/setup/plan.js'
import { shimDirectory } from '../integrations/shim/directory.js'
import { itself, type RunFlags, runWords } from './itself.js'
import { linesOf, type Outcome } from './output.js'
import { makeShims } from './shim.js'

export interface SetupOptions extends RunFlags {
  file?: string
  dir?: string
  write: boolean
  undo: boolean
}

function hostNamed(name: string): Host {
  const host = HOSTS.find((one) => one.name === name)
  if (host) return host
  throw new InvalidArgumentError(`Unknown host '${name}'`, {
    hint: `Known hosts: ${HOSTS.map((one) => one.name).join(', ')}`,
  })
}

/** @throws ConfigError; nothing was written then. */
export function setup(hostName: string, agents: string[], options: SetupOptions): Outcome {
  const host = hostNamed(hostName)
  const file = resolve(options.file ?? host.file(process.env))
  if (options.undo) return undo(file)
  const prefix = [...itself(), 'run', ...runWords(options), '--']
  const before = readConfig(file)
  if (before === undefined && !host.mayBegin)
    throw new ConfigError(`${file} does not exist`, {
      path: file,
      hint: `Set ${host.name} up first, or pass its configuration with --file`,
    })
  const shims = shimDirectory(options.dir)
  const plan = planSetup(host, before ?? '{}\n', agents, { prefix, shims }, file)
  const changes = before === plan.text ? [] : changed(file, before ?? '', `${file}, contained`, plan.text)
  if (!options.write) return { lines: announced(file, changes, plan.shims, shims), status: 0 }
  const made = plan.shims.length > 0 ? makeShims(shims, plan.shims, options) : []
  const written = made.map(({ path }) => `Wrote the shim ${path}.`)
  if (changes.length === 0) return { lines: [`${file} needs no change.`, ...written], status: 0 }
  const backup = writeConfig(file, plan.text)
  const back = `The backup is ${backup}; corral setup ${host.name} --undo restores it.`
  return { lines: [...changes, '', `Wrote ${file}.`, ...written, back], status: 0 }
}

/** As `diff -u` prints it, with tabs, by which people indent, as blanks. */
function changed(file: string, before: string, newFile: string, after: string): string[] {
  const patch = createTwoFilesPatch(file, newFile, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  })
  return linesOf(patch.replaceAll('\t', '  '))
}

function announced(file: string, changes: string[], shims: string[], directory: string): string[] {
  if (changes.length === 0) return [`${file} needs no change.`]
  const made = shims.map((name) => `This also writes the shim ${directory}/${name}.`)
  return [...changes, '', ...made, 'Dry run: pass --write to apply.']
}

function undo(file: string): Outcome {
  const found = findBackup(file)
  const changes = changed(file, readConfig(file) ?? '', `${file}, restored`, found.text ?? '')
  restore(file, found)
  const fate = found.text === undefined ? `Removed ${file}, which did not exist before.` : `Restored ${file}.`
  return { lines: [...changes, '', fate], status: 0 }
}
