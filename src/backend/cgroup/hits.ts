// Word of limits that are met while a group lives: its events files change (memory.events, pids.events).
import path from 'node:path'
import { isSystemError } from '../../common/errors.js'
import { hasFile, readFile } from '../../linux/file.js'
import { hitsOf, type LimitHit } from '../facts.js'
import { CONTROLLERS } from './controllers/index.js'
import { watchFiles } from './watch.js'

const FILES = ['memory.events', 'pids.events']

/** The hits so far, and nothing else of what a group used: these files can change a hundred times a second. */
function readHits(directory: string): LimitHit[] {
  const read = (file: string) => (FILES.includes(file) ? readFile(directory, file) : undefined)
  return hitsOf(Object.assign({}, ...CONTROLLERS.map((controller) => controller.usage(read))))
}

/**
 * Calls back with each count that has grown since it was told last. Returns the way to stop.
 * @throws where there are no watches left (inotify(7)).
 */
export function watchHits(directory: string, hit: (hit: LimitHit) => void): () => void {
  const told = new Map<string, number>()
  const look = () => {
    let hits: LimitHit[] = []
    try {
      hits = readHits(directory)
    } catch (error) {
      if (!isSystemError(error)) throw error // the payload took the permissions from its group
    }
    for (const one of hits) {
      if (one.count <= (told.get(one.kind) ?? 0)) continue
      told.set(one.kind, one.count)
      hit(one)
    }
  }
  const files = FILES.filter((name) => hasFile(directory, name))
  const stop = watchFiles(
    files.map((name) => path.join(directory, name)),
    look,
  )
  look() // what came before the watch was armed
  return stop
}
