// Directories and files whose path is longer than a path can be, as a payload may make them.
import { closeSync, constants, openSync } from 'node:fs'

const PATH_MAX = 4096

/**
 * What `use` gives for the path, or for a shorter one of the same file: through a descriptor of a directory on the way to it.
 * @template Used
 * @param {string} path
 * @param {(path: string) => Used} use
 * @returns {Used}
 */
export function reached(path, use) {
  if (Buffer.byteLength(path) < PATH_MAX) return use(path)
  const cut = path.lastIndexOf('/', PATH_MAX / 2)
  const on = openSync(path.slice(0, cut), constants.O_RDONLY | constants.O_DIRECTORY)
  const close = () => closeSync(on)
  let isLate = false
  try {
    const used = reached(`/proc/self/fd/${on}${path.slice(cut)}`, use)
    isLate = used instanceof Promise
    if (used instanceof Promise) used.then(close, close)
    return used
  } finally {
    if (!isLate) close()
  }
}
