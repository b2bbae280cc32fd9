// Word of changes of files, by inotify(7), until it is stopped. It keeps no process alive.
import { type FSWatcher, watch } from 'node:fs'

/**
 * Calls back when one of these changes, of a directory with the file in it that has. Returns the way to stop. A watch that fails
 * later is not told of: what is watched here is in the report all the same. @throws where there are no watches left.
 */
export function watchFiles(
  files: Iterable<string>,
  changed: (file: string, name: string | null) => void,
): () => void {
  const watchers: FSWatcher[] = []
  const stop = () => {
    for (const watcher of watchers) watcher.close()
  }
  try {
    for (const file of files) {
      const watcher = watch(file, (_, name) => changed(file, name))
      watcher.unref()
      watcher.on('error', () => undefined)
      watchers.push(watcher)
    }
  } catch (error) {
    stop()
    throw error
  }
  return stop
}
