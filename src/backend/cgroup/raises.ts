// Word of limits that others than the gateway raise while a group lives: who may write to its files can, and a write is an event
// (inotify(7)).
import path from 'node:path'
import type { RaisedLimit } from '../facts.js'
import type { LimitPath } from './controllers/apply.js'
import { watchFiles } from './watch.js'

/**
 * Calls back with each limit that `look` finds to be held less strictly than it was set, and not as it was told last. Returns the
 * way to stop. @throws where there are no watches left.
 */
export function watchRaises(
  directory: string,
  paths: readonly LimitPath[],
  look: () => RaisedLimit[],
  raised: (limit: RaisedLimit) => void,
): () => void {
  const told = new Map<string, number | null>()
  const check = () => {
    for (const one of look()) {
      if (told.get(one.name) === one.held) continue
      told.set(one.name, one.held)
      raised(one)
    }
  }
  const files = paths.map((one) => path.resolve(directory, one.path))
  // Of a directory it tells of all files in it: one watch for all of them
  const stop = watchFiles(new Set(files.map((file) => path.dirname(file))), (one, name) => {
    if (files.includes(`${one}/${name}`)) check()
  })
  check() // what came before the watch was armed
  return stop
}
