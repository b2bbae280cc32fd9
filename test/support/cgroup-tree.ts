// What is in a cgroup and below it, read from the kernel while the payloads may make, remove, freeze and shut
// groups.
import { chmod, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reached } from './reached.mjs'

const errno = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''

/** A group on its way out answers ENODEV to readers of its files, one that is out ENOENT. */
export const isGone = (error: unknown) => ['ENOENT', 'ENODEV'].includes(errno(error))

/**
 * A payload may have taken the permissions from what it made, and from the group that it is in. The owner of
 * these can give them back.
 */
export async function insisting<T>(attempt: () => Promise<T>, directory: string, file?: string): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (errno(error) !== 'EACCES') throw error
    await reached(directory, (path) => chmod(path, 0o755))
    if (file) await reached(join(directory, file), (path) => chmod(path, 0o644))
    return attempt()
  }
}

const childrenOf = (group: string) =>
  insisting(() => reached(group, (path) => readdir(path, { withFileTypes: true })), group)

const readGroupFile = (group: string, file: string) =>
  insisting(() => reached(join(group, file), (path) => readFile(path, 'utf8')), group, file)

/** All groups of the subtree, each before those below it. The first is `directory` itself. */
export async function subtree(directory: string): Promise<string[]> {
  try {
    const entries = await childrenOf(directory)
    const below = entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => subtree(join(directory, entry.name)))
    return [directory, ...(await Promise.all(below)).flat()]
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

async function membersOf(group: string): Promise<string[]> {
  try {
    return (await readGroupFile(group, 'cgroup.procs')).split('\n').filter(Boolean)
  } catch (error) {
    // EOPNOTSUPP (libuv knows it as ENOTSUP): a threaded group, whose processes the nearest group above
    // lists.
    if (isGone(error) || ['EOPNOTSUPP', 'ENOTSUP'].includes(errno(error))) return []
    throw error
  }
}

/** The pids of all living processes of the subtree, or of its `wanted` groups. Zombies are not members of any group. */
export async function members(directory: string, wanted = (_group: string) => true): Promise<number[]> {
  const groups = (await subtree(directory)).filter(wanted)
  const listed = (await Promise.all(groups.map(membersOf))).flat().map(Number)
  // The kernel may list a pid twice, and shows 0 for each process of a pid namespace that we cannot see into.
  return [...new Set(listed.filter((pid) => pid !== 0)), ...listed.filter((pid) => pid === 0)]
}

/** The kernel's word on whether any task lives in the subtree. */
export async function isPopulated(directory: string): Promise<boolean> {
  try {
    return /^populated 1$/m.test(await readGroupFile(directory, 'cgroup.events'))
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

export async function isFrozen(directory: string): Promise<boolean> {
  return /^frozen 1$/m.test(await readGroupFile(directory, 'cgroup.events'))
}
