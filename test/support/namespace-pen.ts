// A pen for a host without cgroups: a container of the tests' own. Whatever is in its pid namespace and was not there before
// is in the pen; nobody gets out of that but with the container. For an ordinary user, what is his.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { withoutGateway } from './entered-pen.js'
import { eventually } from './eventually.js'
import { describeAll, type Pen } from './pen.js'

/** Set where the tests count so. */
export const NAMESPACE_VARIABLE = 'CORRAL_TEST_NAMESPACE'

export const COUNTS_BY_NAMESPACE = process.env[NAMESPACE_VARIABLE] !== undefined

/** One whose first thread has ended lives on with its others. */
async function isDead(pid: number, state: string | undefined): Promise<boolean> {
  if (state !== 'Z' && state !== 'X') return false
  return (await readdir(`/proc/${pid}/task`).catch(() => [])).length <= 1
}

/** Whether it runs as this user; root counts all. */
async function isOurs(pid: number): Promise<boolean> {
  const uid = process.getuid?.()
  if (uid === 0) return true
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return new RegExp(`^Uid:\t${uid}\t`, 'm').test(status)
}

/** A process, by its pid and when it began; undefined: it is gone, or a zombie, which no group counts either. */
async function identity(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // proc_pid_stat(5): after the name, which may have anything in it, come the state, field 3, and the start, field 22
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return stat === '' || (await isDead(pid, fields[0])) || !(await isOurs(pid))
    ? undefined
    : `${pid} ${fields[19]}`
}

/** All living processes of this pid namespace. */
async function everyone(): Promise<Map<string, number>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map(async (pid) => [await identity(pid), pid] as const))
  return new Map(found.flatMap(([id, pid]) => (id === undefined ? [] : [[id, pid]])))
}

async function killAll(members: () => Promise<number[]>): Promise<void> {
  const round = async () => {
    const pids = await members()
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    return pids.length === 0
  }
  await eventually('nobody lives in the pen', round, {
    instead: async () => describeAll(await members()),
  })
}

/** Begins now. The process that makes it is not in it, nor is what keeps sessions among its members. */
export async function namespacePen(): Promise<Pen> {
  const before = new Set((await everyone()).keys())
  const everybody = async () => [...(await everyone())].flatMap(([id, pid]) => (before.has(id) ? [] : [pid]))
  const kill = () => killAll(everybody)
  return {
    path: '/proc',
    spawn: (command, args, options = {}): ChildProcess => spawn(command, args, options),
    members: async () => withoutGateway(await everybody()),
    everybody,
    groups: async () => [],
    kill,
    remove: async () => undefined,
    [Symbol.asyncDispose]: kill,
  }
}
