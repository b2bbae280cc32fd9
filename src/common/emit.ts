// Events to listeners that are not ours. What a listener throws must not get into the middle of ending a session: it
// surfaces as an uncaught exception, as that of any event listener does, and the session goes its way.

import type { EventEmitter } from 'node:events'
import { nextTick } from './clock.js'

export function emit(emitter: EventEmitter, name: string, ...args: unknown[]): void {
  try {
    emitter.emit(name, ...args)
  } catch (error) {
    nextTick(() => {
      throw error
    })
  }
}
