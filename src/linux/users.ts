// Users, by their numbers.
import { procText } from './proc-file.js'

/** The name of a user; the number where /etc/passwd has none. */
export function userName(uid: number): string {
  const line = procText('/etc/passwd')
    .split('\n')
    .map((text) => text.split(':'))
    .find((fields) => fields[2] === String(uid))
  return line?.[0] ?? String(uid)
}
