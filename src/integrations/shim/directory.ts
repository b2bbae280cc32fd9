// Where shims are.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Unless it is said otherwise below XDG_DATA_HOME, by default `~/.local/share`. */
export function shimDirectory(directory: string | undefined): string {
  return resolve(
    directory ?? join(process.env['XDG_DATA_HOME'] || join(homedir(), '.local/share'), 'corral/shims'),
  )
}
