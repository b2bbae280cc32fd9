// Where a path leads, held by its directory: what is read and written there stays there, whatever others do to the path
// meanwhile. And no user on the way can lead it to what another user owns: root edits configurations in directories of users.
import { closeSync, constants, fstatSync, mkdirSync, openSync, readlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, systemCodeOf } from '../../common/errors.js'

const { O_DIRECTORY, O_NOFOLLOW } = constants
// asm-generic/fcntl.h; Node has no name for it
const O_PATH = 0o10000000
// MAXSYMLINKS of include/linux/namei.h
const MOST_LINKS = 40

export interface Place {
  /** By this, as a directory of /proc, everything is opened: proc_pid_fd(5). */
  at: string
  name: string
  /** The path without links. */
  path: string
  /** Of the directory. */
  owner: { uid: number; gid: number }
}

/** An open directory on the way, and who has had a say so far in where that leads. */
interface Way {
  fd: number
  path: string
  deciders: Set<number>
}

const below = (fd: number, name: string) => `/proc/self/fd/${fd}/${name}`

/** Root decides for everybody, and we for ourselves. */
function decide(way: Way, uid: number): void {
  if (uid !== 0 && uid !== process.geteuid?.()) way.deciders.add(uid)
}

/**
 * Calls `use` with the place of a file, which need not be there; with `make`, nor need its directory. Undefined where the
 * directory is not there.
 * @throws ConfigError where another user has led the path to what is not that user's.
 */
export function withPlace<Result>(
  file: string,
  { make = false }: { make?: boolean },
  use: (place: Place) => Result,
): Result | undefined {
  const way: Way = { fd: openSync('/', O_PATH | O_DIRECTORY), path: '/', deciders: new Set() }
  try {
    const name = walk(way, resolve(file), make)
    if (name === undefined) return undefined
    const { uid, gid } = fstatSync(way.fd)
    decide(way, uid)
    const others = [...way.deciders].filter((decider) => decider !== uid)
    if (others.length > 0)
      throw new ConfigError(
        `uid ${others[0]} has a link on the way of ${file}, which leads to a file that is not its own: ${join(way.path, name)}`,
        { path: file, hint: 'Pass the path of the file itself' },
      )
    return use({
      at: `/proc/self/fd/${way.fd}`,
      name,
      path: join(way.path, name),
      owner: { uid, gid },
    })
  } finally {
    closeSync(way.fd)
  }
}

/** Goes as far as to the last directory. Gives the last name; undefined where a directory is missing. */
function walk(way: Way, file: string, make: boolean): string | undefined {
  const names = file.split('/').filter(Boolean)
  for (let links = 0; ; ) {
    const name = names.shift() ?? '.'
    const found = open(way, name, make && names.length > 0)
    if (found === undefined) return names.length === 0 ? name : undefined
    const { fd, link } = found
    if (link !== undefined) {
      if (++links > MOST_LINKS)
        throw new ConfigError(`the path of ${file} has more than ${MOST_LINKS} links`, { path: file })
      if (link.startsWith('/')) enter(way, openSync('/', O_PATH | O_DIRECTORY), '/')
      names.unshift(...link.split('/').filter((part) => part !== '' && part !== '.'))
    } else if (names.length === 0) {
      closeSync(fd)
      return name
    } else enter(way, fd, name === '..' ? dirname(way.path) : join(way.path, name))
  }
}

function enter(way: Way, fd: number, path: string): void {
  closeSync(way.fd)
  way.fd = fd
  way.path = path
}

/** Opens what has that name; of a link, where it leads. */
function open(way: Way, name: string, make: boolean): { fd: number; link?: string } | undefined {
  decide(way, fstatSync(way.fd).uid)
  const path = below(way.fd, name)
  let fd: number
  try {
    fd = openSync(path, O_PATH | O_NOFOLLOW)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
    if (!make) return undefined
    mkdirSync(path, { mode: 0o700 })
    fd = openSync(path, O_PATH | O_NOFOLLOW)
  }
  const status = fstatSync(fd)
  if (!status.isSymbolicLink()) return { fd }
  closeSync(fd)
  decide(way, status.uid)
  return { fd: -1, link: readlinkSync(path) }
}
