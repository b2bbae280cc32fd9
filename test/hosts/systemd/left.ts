// What is left on a machine of all that was started on it: groups of Corral's, and processes that carry a mark.
import { randomInt } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { eventually } from '../../support/eventually.js'

async function groups(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name))
  return [directory, ...(await Promise.all(below.map(groups))).flat()]
}

/** All `corral/` directories and scopes of the machine, with what is below them. */
async function corralGroups(): Promise<string[]> {
  const all = await groups('/sys/fs/cgroup')
  const ours = all.filter((group) => ['corral', 'corral.scope'].includes(basename(group)))
  return all.filter((group) => ours.some((directory) => `${group}/`.startsWith(`${directory}/`)))
}

/** A number of seconds to sleep that no other process has. */
export const newMark = () => `${randomInt(1e8, 1e9)}`

export interface Process {
  pid: number
  /** Its command line. */
  words: string[]
}

/** The processes that have `mark` in their command line. */
export async function marked(mark: string): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids
    .map((pid, index) => ({ pid: Number(pid), words: lines[index]?.split('\0') ?? [] }))
    .filter(({ words }) => words.some((word) => word.includes(mark)))
}

/** Those of a session: `sleep MARK`. */
export async function sleepers(mark: string): Promise<Process[]> {
  return (await marked(mark)).filter(({ words }) => words[0] === 'sleep')
}

export async function nothingIsLeft(mark: string): Promise<void> {
  const left = async () => ({ groups: await corralGroups(), processes: await marked(mark) })
  const isNothing = async () => {
    const { groups, processes } = await left()
    return groups.length === 0 && processes.length === 0
  }
  await eventually('nothing is left', isNothing, { everyMs: 50, instead: left })
}
