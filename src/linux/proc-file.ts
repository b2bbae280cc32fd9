// Files below /proc/PID, whose process may end at any moment.
import { readFileSync } from 'node:fs'
import { isSystemError } from '../common/errors.js'

/** '' where it is gone. */
export function procText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isSystemError(error)) return ''
    throw error
  }
}
