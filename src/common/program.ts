import { accessSync, constants, statSync } from 'node:fs'
import { isSystemError } from './errors.js'

/** Whether there is a file of that path that this process may execute. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch (error) {
    if (isSystemError(error)) return false
    throw error
  }
}
