// A configuration file: read, written in one step beside a copy of what it was, and taken back.
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError, isSystemError, systemCodeOf } from '../../common/errors.js'
import { type Place, withPlace } from './place.js'

const BACKUP = '.before-corral-'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** Whose a file is, and who may do what with it. */
type Rights = Pick<Stats, 'mode' | 'uid' | 'gid'>

interface Content {
  bytes: Buffer
  rights: Rights
}

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

/** Undefined where there is none. Never waits, as a FIFO would have us do. @throws ConfigError for what is no file. */
function read(place: Place, name: string): Content | undefined {
  const path = join(dirname(place.path), name)
  let fd: number
  try {
    fd = openSync(`${place.at}/${name}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    if (systemCodeOf(error) === 'ELOOP')
      throw new ConfigError(`expected a file, found a link: ${path}`, { path })
    throw error
  }
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw new ConfigError(`expected a regular file: ${path}`, { path })
    return { bytes: readFileSync(fd), rights: status }
  } finally {
    closeSync(fd)
  }
}

function decode({ bytes }: Content, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new ConfigError(`${file} is not valid UTF-8`, { path: file, cause })
  }
}

/** Its text; undefined where there is none. @throws ConfigError */
export function readConfig(file: string): string | undefined {
  return attempt(file, 'read', () =>
    withPlace(file, {}, (place) => {
      const content = read(place, place.name)
      return content && decode(content, file)
    }),
  )
}

/** The backup is named by what was written, so that it is known later whether that is still there. */
function backupOf(name: string, written: string | Buffer): string {
  return `${name}${BACKUP}${createHash('sha256').update(written).digest('hex').slice(0, 12)}`
}

/** Writes the text, with owner and mode as they were. Returns the path of the backup; an empty one where there was no file. */
export function writeConfig(file: string, text: string): string {
  return attempt(
    file,
    'written',
    () =>
      withPlace(file, { make: true }, (place) => {
        const before = read(place, place.name)
        const rights = before?.rights ?? { mode: 0o600, ...place.owner }
        const backup = backupOf(place.name, text)
        replace(place, backup, before?.bytes ?? '', rights)
        replace(place, place.name, text, rights)
        return join(dirname(place.path), backup)
      }) ?? '',
  )
}

/** In one step, also where something else has that name by now: a link is replaced, not followed. */
function replace(place: Place, name: string, content: string | Buffer, { mode, uid, gid }: Rights): void {
  const unfinished = `${place.at}/.${name}.corral-${randomBytes(6).toString('hex')}`
  const fd = openSync(unfinished, 'wx', 0o600)
  try {
    writeFileSync(fd, content)
    fchownSync(fd, uid, gid)
    fchmodSync(fd, mode & 0o7777)
    renameSync(unfinished, `${place.at}/${name}`)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

export interface Backup {
  path: string
  /** What undo() would give back; undefined where there was no file. */
  text: string | undefined
}

/** @throws ConfigError when the file is not as it was written. */
export function findBackup(file: string): Backup {
  return attempt(
    file,
    'read',
    () => withPlace(file, {}, (place) => lookForBackup(file, place)) ?? none(file, []),
  )
}

function lookForBackup(file: string, place: Place): Backup {
  const current = read(place, place.name)
  if (current !== undefined) {
    const name = backupOf(place.name, current.bytes)
    const backup = read(place, name)
    if (backup && backup.rights.uid !== current.rights.uid)
      throw new ConfigError(
        `the backup ${name} belongs to uid ${backup.rights.uid}, not to the owner of ${file}`,
        {
          path: file,
        },
      )
    if (backup) {
      const text = decode(backup, file)
      return { path: join(dirname(place.path), name), text: text === '' ? undefined : text }
    }
  }
  return none(
    file,
    readdirSync(place.at).filter((name) => name.startsWith(place.name + BACKUP)),
  )
}

function none(file: string, others: string[]): never {
  throw new ConfigError(`${file} was edited since corral setup wrote it, and was left as it is`, {
    path: file,
    hint:
      others.length === 0
        ? 'Change it by hand: no backup is beside it'
        : `Change it by hand, or from a backup beside it: ${others.join(', ')}`,
  })
}

/** Puts a backup back, and takes it away. */
export function restore(file: string, { path, text }: Backup): void {
  attempt(file, 'written', () =>
    withPlace(file, {}, (place) => {
      const current = read(place, place.name)
      if (text === undefined || !current) rmSync(`${place.at}/${place.name}`)
      else replace(place, place.name, text, current.rights)
      rmSync(`${place.at}/${path.slice(path.lastIndexOf('/') + 1)}`)
    }),
  )
}
