// Word of limits that others than the gateway raise while a group lives: who may write to its files can, and a write is an event
// (inotify(7)).
import { type FSWatcher, watch } from 'node:fs'
import path from 'node:path'
import type { RaisedLimit } from '../backend.js'
import type { LimitPlace } from './controllers.js'

/**
 * Calls back with each limit that `look` finds to be held less strictly than it was set, and not as it was told last. Returns the
 * way to stop. @throws where there are no watches left.
 */
export function watchRaises(
  directory: string,
  places: readonly LimitPlace[],
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
  const files = places.map((place) => path.resolve(directory, place.path))
  const watchers: FSWatcher[] = []
  const stop = () => {
    for (const watcher of watchers) watcher.close()
  }
  try {
    // Of a directory it tells of all files in it: one watch for all of them
    for (const one of new Set(files.map((file) => path.dirname(file)))) {
      const watcher = watch(one, (_, name) => {
        if (files.includes(`${one}/${name}`)) check()
      })
      watcher.unref()
      watcher.on('error', () => undefined) // the report looks again
      watchers.push(watcher)
    }
  } catch (error) {
    stop()
    throw error
  }
  check() // what came before the watch was armed
  return stop
}
