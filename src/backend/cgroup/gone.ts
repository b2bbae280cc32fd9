// Waiting until a group of others' is removed, by descriptors that are opened once: a later group of that name is another one.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { clearInterval, setInterval } from '../../common/clock.js'
import { isGone, isSystemError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { keepAlive } from '../../native/link.js'
import { watchFiles } from './watch.js'

// Where no directory can be watched any more (fs.inotify.max_user_watches)
const LOOK_MS = 250
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants

const held = (fd: number) => `/proc/self/fd/${fd}`

/** Resolves once the group is no more; at once where there is none. Its root is held by the caller. @throws a system error */
export async function whenRemoved(native: Native, group: string): Promise<void> {
  const opened: number[] = []
  const open = (file: string, flags: number) => {
    const fd = openSync(file, flags)
    opened.push(fd)
    return fd
  }
  try {
    const id = native.idOf(group)
    const above = open(`${group}/..`, O_RDONLY | O_DIRECTORY)
    const own = open(group, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    if (String(fstatSync(own, { bigint: true }).ino) !== id) return // it has gone, or is hidden: another one
    await removed(native, { above, events: open(`${held(own)}/cgroup.events`, O_RDONLY) })
  } catch (error) {
    if (!isGone(error)) throw error
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

/** A removed group has no files: reading what was open of it is ENODEV (kernfs). */
function isRemoved(events: number): boolean {
  try {
    readSync(events, Buffer.alloc(64), 0, 64, 0)
    return false
  } catch (error) {
    if (isGone(error)) return true
    throw error
  }
}

function removed(native: Native, { above, events }: { above: number; events: number }): Promise<void> {
  let stop: () => void = () => undefined
  const over = new Promise<void>((resolve, reject) => {
    const look = () => {
      try {
        if (isRemoved(events)) resolve()
      } catch (error) {
        reject(error)
      }
    }
    try {
      stop = watchFiles([held(above)], look)
    } catch (error) {
      if (!isSystemError(error)) throw error
      const timer = setInterval(look, LOOK_MS)
      stop = () => clearInterval(timer)
    }
    look()
  })
  return keepAlive(native, over).finally(() => stop())
}
