// A configuration file: read, written in one step beside a copy of what it was, and taken back.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ConfigError, isSystemError, systemCodeOf } from '../errors.js'

const BACKUP = '.before-corral-'

function attempt<Result>(file: string, what: string, action: () => Result): Result {
  try {
    return action()
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    throw new ConfigError(`${file} cannot be ${what}: ${cause.message}`, {
      path: file,
      errno: cause.errno,
      cause,
    })
  }
}

/** Its text; undefined where there is none. @throws ConfigError */
export function readConfig(file: string): string | undefined {
  return attempt(file, 'read', () => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined
      if (error instanceof TypeError)
        throw new ConfigError(`${file} is no UTF-8 text`, { path: file, cause: error })
      throw error
    }
  })
}

/** The backup is named by what was written, so that it is known later whether that is still there. */
function backupOf(file: string, written: string): string {
  return `${file}${BACKUP}${createHash('sha256').update(written).digest('hex').slice(0, 12)}`
}

/** A link stays one. */
function target(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return file
    throw error
  }
}

/** Writes the text, with owner and mode as they were. Returns the path of the backup; an empty one where there was no file. */
export function writeConfig(file: string, text: string): string {
  return attempt(file, 'written', () => {
    const place = target(file)
    const backup = backupOf(place, text)
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 })
    const before = statSync(place, { throwIfNoEntry: false })
    if (before) copyFileSync(place, backup)
    else writeFileSync(backup, '', { mode: 0o600 })
    replace(place, text, before)
    return backup
  })
}

function replace(
  place: string,
  text: string,
  like: { mode: number; uid: number; gid: number } | undefined,
): void {
  const unfinished = join(dirname(place), `.${basename(place)}.corral-${process.pid}`)
  try {
    writeFileSync(unfinished, text, { flag: 'wx', mode: 0o600 })
    if (like) {
      chownSync(unfinished, like.uid, like.gid)
      chmodSync(unfinished, like.mode & 0o7777)
    }
    renameSync(unfinished, place)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}

/** What undo() would give back, and where that lies. @throws ConfigError when the file is not as it was written. */
export function findBackup(file: string): { backup: string; text: string | undefined } {
  const current = readConfig(file)
  const place = target(file)
  if (current !== undefined) {
    const backup = backupOf(place, current)
    const text = readConfig(backup)
    if (text !== undefined) return { backup, text: text === '' ? undefined : text }
  }
  const others = readdirSync(dirname(place)).filter((name) => name.startsWith(basename(place) + BACKUP))
  throw new ConfigError(`${file} is not as corral setup wrote it`, {
    path: file,
    hint:
      others.length === 0
        ? 'There is no backup beside it'
        : `Change it by hand; beside it are ${others.join(', ')}, named by what was written then`,
  })
}

/** Puts a backup back, and takes it away. */
export function restore(file: string, { backup, text }: ReturnType<typeof findBackup>): void {
  attempt(file, 'written', () => {
    const place = target(file)
    if (text === undefined) rmSync(place)
    else replace(place, text, statSync(place))
    rmSync(backup)
  })
}
