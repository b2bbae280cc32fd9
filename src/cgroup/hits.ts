// Word of limits that are met while a group lives: its events files change (memory.events, pids.events).
import { existsSync, watch } from 'node:fs'
import path from 'node:path'
import { hitsOf, type LimitHit } from '../backend.js'
import { CONTROLLERS } from './controllers.js'
import { readFile } from './file.js'

const FILES = ['memory.events', 'pids.events']

/** The hits so far, and nothing else of what a group used: these files can change a hundred times a second. */
function readHits(directory: string): LimitHit[] {
  const read = (file: string) => (FILES.includes(file) ? readFile(directory, file) : undefined)
  return hitsOf(Object.assign({}, ...CONTROLLERS.map((controller) => controller.usage(read))))
}

/** Calls back with each count that has grown since it was told last. Returns the way to stop. */
export function watchHits(directory: string, hit: (hit: LimitHit) => void): () => void {
  const told = new Map<string, number>()
  const look = () => {
    for (const one of readHits(directory)) {
      if (one.count <= (told.get(one.kind) ?? 0)) continue
      told.set(one.kind, one.count)
      hit(one)
    }
  }
  const watchers = FILES.map((file) => path.join(directory, file))
    .filter((file) => existsSync(file))
    .map((file) => watch(file, look))
  for (const watcher of watchers) {
    watcher.unref()
    watcher.on('error', () => undefined) // the counts are in the report all the same
  }
  look() // what came before the watch was armed
  return () => {
    for (const watcher of watchers) watcher.close()
  }
}
