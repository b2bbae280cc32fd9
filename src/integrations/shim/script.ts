// A shim: a program by the name of an agent that runs the agent of that name, contained. Hosts know some agents by the
// basename of what they start, which is that of the shim.
import { closeSync, fchmodSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { failure, InvalidArgumentError, KernelError, systemCodeOf } from '../../common/errors.js'

/** The first words of a shim's second line: what carries it is ours to replace, to remove and to pass over. */
const MARK = '# A shim of corral'
const HEAD_BYTES = 256

/** One word as a shell reads it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function script(name: string, command: readonly string[]): string {
  const [program = '', ...rest] = command.map(shellWord)
  return `#!/bin/sh
${MARK}: runs the ${name} that PATH has behind it, contained. "corral shim --remove ${name}" takes it away.
exec ${[program, ...rest].join(' ')} -- ${shellWord(name)} "$@"
`
}

/** What a file is, as far as shims go. */
export function isShim(file: string): boolean {
  try {
    return readFileSync(file).subarray(0, HEAD_BYTES).toString().startsWith(`#!/bin/sh\n${MARK}`)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES'].includes(systemCodeOf(error) ?? '')) return false
    throw error
  }
}

function exists(file: string): boolean {
  try {
    readFileSync(file)
    return true
  } catch (error) {
    return systemCodeOf(error) !== 'ENOENT'
  }
}

function assertOurs(file: string): void {
  if (exists(file) && !isShim(file))
    throw new InvalidArgumentError(`${file} is not a shim of corral, and was left as it is`, {
      hint: 'Choose another directory with --dir',
    })
}

/** @throws InvalidArgumentError for what cannot be the name of an agent's program. */
export function parseShimName(name: string): string {
  if (!/^[\w@+.-]+$/.test(name) || /^\.+$/.test(name) || name.startsWith('-'))
    throw new InvalidArgumentError(`Invalid shim name: expected the name of a program, got '${name}'`, {
      hint: 'Use the name of a program, such as gemini',
    })
  if (name === 'corral') throw new InvalidArgumentError('cannot write a shim of corral itself')
  return name
}

/**
 * Writes a shim, in one step, in the place of an older one.
 * @throws InvalidArgumentError when something else has that name. @throws KernelError when it cannot be written.
 */
export function writeShim(directory: string, name: string, command: readonly string[]): string {
  const file = join(directory, parseShimName(name))
  assertOurs(file)
  const unfinished = join(dirname(file), `.${basename(file)}.${process.pid}`)
  try {
    const fd = openSync(unfinished, 'wx')
    try {
      writeFileSync(fd, script(name, command))
      fchmodSync(fd, 0o755)
    } finally {
      closeSync(fd)
    }
    renameSync(unfinished, file)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw failure(KernelError, `cannot write the shim ${file}`, error)
  }
  return file
}

/** Removes a shim; false when there is none. @throws InvalidArgumentError when something else has that name. */
export function removeShim(directory: string, name: string): boolean {
  const file = join(directory, parseShimName(name))
  if (!exists(file)) return false
  assertOurs(file)
  rmSync(file)
  return true
}
