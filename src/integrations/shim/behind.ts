// The program that a shim stands for: the first of its name on PATH that is no shim.
import { basename, delimiter, join } from 'node:path'
import { isProgram } from '../../common/program.js'
import { isShim } from './script.js'

// What execvp(3) looks through where there is no PATH
const USUAL_PATH = '/bin:/usr/bin'

/** Its path; undefined when there is none: by its name alone it would be found to be the shim again, without end. */
export function findBehindShims(
  command: string,
  path: string | undefined = process.env['PATH'],
): string | undefined {
  if (command.includes('/') && !isShim(command)) return command
  const name = basename(command)
  return (path ?? USUAL_PATH)
    .split(delimiter)
    .map((directory) => join(directory || '.', name))
    .find((file) => isProgram(file) && !isShim(file))
}
