// Word of directories that come below a root: of instances, and of families in them. inotify(7) tells of the entries of one directory,
// so each that may get a session is watched. By name: it is but a reason to look.
import { type FSWatcher, watch } from 'node:fs'
import path from 'node:path'
import { clearInterval, setInterval } from '../../common/clock.js'
import { isGone, isSystemError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { CORRAL, LEAF, SESSIONS } from '../../native/language.js'

// Where there are no watches left (fs.inotify.max_user_watches)
const LOOK_MS = 1000

/** All directories in which one may come that leads to a session. */
function* places(native: Native, root: string): Generator<string> {
  yield root
  const all = path.join(root, CORRAL)
  yield all
  for (const instance of native.directories(all)) {
    yield path.join(all, instance)
    const sessions = path.join(all, instance, SESSIONS)
    yield* below(native, sessions)
  }
}

function* below(native: Native, directory: string): Generator<string> {
  yield directory
  for (const name of native.directories(directory))
    if (name !== LEAF) yield* below(native, path.join(directory, name))
}

export function watchArrivals(native: Native, root: string, changed: () => void): () => void {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  const heard = () => {
    follow()
    changed()
  }
  const close = (place: string) => {
    watchers.get(place)?.close()
    watchers.delete(place)
  }
  const follow = () => {
    const now = new Set(places(native, root))
    for (const place of watchers.keys()) if (!now.has(place)) close(place)
    for (const place of now) {
      if (watchers.has(place)) continue
      try {
        const watcher = watch(place, { persistent: false }, heard)
        watcher.on('error', () => close(place))
        watchers.set(place, watcher)
      } catch (error) {
        if (!isSystemError(error)) throw error
        if (!isGone(error)) timer ??= setInterval(heard, LOOK_MS).unref()
      }
    }
  }
  follow()
  return () => {
    clearInterval(timer)
    for (const place of [...watchers.keys()]) close(place)
  }
}
