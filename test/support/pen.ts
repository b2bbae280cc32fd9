// A cgroup of a test's own, in which everything that the test lets loose is counted, ended and removed by the
// kernel alone, with nothing of the library that is tested.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { constants, mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { findCgroupMounts } from '../../src/linux/mounts.js'
import { insisting, isGone, isPopulated, members, subtree } from './cgroup-tree.js'
import { eventually } from './eventually.js'
import { reached } from './reached.mjs'
import { removeTwins } from './suite-memory.js'
import { uncover } from './uncover.mjs'

export interface Pen extends AsyncDisposable {
  /** Skips the test where the pen is no cgroup. */
  readonly path: string
  /** Starts a command inside: it is a member before it is exec'ed. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  /** Puts this process inside; what comes back puts it outside again. */
  enter(): Promise<() => Promise<void>>
  /** The pids of all living processes of the whole subtree, without the guards of instances. */
  members(): Promise<number[]>
  /** Those, and the guards. */
  everybody(): Promise<number[]>
  /** The groups below the pen. */
  groups(): Promise<string[]>
  /** Kills until the kernel says that nobody is left. */
  kill(): Promise<void>
  /** Removes the pen and all groups below it. Rejects if anybody lives in it. */
  remove(withinMs?: number): Promise<void>
}

/** Makes a new directory `<parent>/<name>XXXXXX`: a group that was killed once is never used again. */
export async function makePen(parent: string, name: string): Promise<Pen> {
  if (parent === '') throw new Error('no cgroup can be made here: a test that needs one is skipped')
  return penAt(await mkdtemp(join(parent, `${name}-`)))
}

// The group of an instance's guard
const GUARD = 'warden'

function penAt(path: string): Pen {
  return {
    path,
    spawn: (command, args, options = {}) => spawnInside(path, command, args, options),
    enter: () => enter(path),
    members: () => members(path, (group) => basename(group) !== GUARD),
    everybody: () => members(path),
    groups: async () => (await subtree(path)).slice(1),
    kill: () => killAll(path),
    remove: (withinMs) => removeTree(path, withinMs),
    [Symbol.asyncDispose]: () => dispose(path),
  }
}

// The shell enters the pen and becomes the command, so that not even the first instruction of it runs
// outside.
const ENTER = 'echo 0 >"$0/cgroup.procs" && exec "$@"'

function spawnInside(
  path: string,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  return spawn('/bin/sh', ['-c', ENTER, path, command, ...args], options)
}

async function enter(path: string): Promise<() => Promise<void>> {
  const { ownDirectory } = findCgroupMounts()
  if (ownDirectory === undefined) throw new Error('no cgroup2 shows the cgroup of this process')
  const into = (directory: string) => writeFile(`${directory}/cgroup.procs`, String(process.pid))
  await into(path)
  return () => into(ownDirectory)
}

/** False where the file is missing: with the group, or on this kernel. */
async function write(group: string, file: string, text: string): Promise<boolean> {
  try {
    // Without O_CREAT, or a missing file would be EACCES; write-only because cgroup.kill is.
    await insisting(
      () => reached(join(group, file), (path) => writeFile(path, text, { flag: constants.O_WRONLY })),
      group,
      file,
    )
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

const emptyWithin = (path: string, withinMs: number) =>
  eventually('an empty pen', async () => !(await isPopulated(path)), { withinMs, stretched: false }).catch(
    () => false,
  )

/** Kills all below a group, and in it, until the kernel says that nobody is left. */
export async function killAll(path: string): Promise<void> {
  const round = async () => {
    if (!(await isPopulated(path))) return true
    // Kernels before 6.14 can miss a process in mid-fork, so one write is not the end of it.
    if (await write(path, 'cgroup.kill', '1')) if (await emptyWithin(path, 200)) return true
    // What cgroup.kill does not end: a process whose first thread has ended and that has others.
    await killFrozen(path)
    return emptyWithin(path, 500)
  }
  await eventually(`nobody lives in ${path}`, round, {
    instead: async () => describeAll(await members(path)),
  })
}

// Kernels before 5.14 have no cgroup.kill. Frozen processes cannot fork, and take SIGKILL all the same.
async function killFrozen(path: string): Promise<void> {
  await write(path, 'cgroup.freeze', '1')
  try {
    for (const pid of (await members(path)).filter((member) => member !== 0)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  } finally {
    for (const group of await subtree(path)) await write(group, 'cgroup.freeze', '0')
  }
}

async function removeTree(path: string, withinMs = 20_000): Promise<void> {
  const round = async () => {
    uncover(path)
    for (const group of (await subtree(path)).reverse()) {
      try {
        await reached(group, (path) => rmdir(path))
      } catch (error) {
        if (!isGone(error)) return false
      }
    }
    return true
  }
  await eventually(`${path} is removed`, round, {
    withinMs,
    instead: async () => ({ members: await members(path), groups: await subtree(path) }),
  })
}

/** An instance of this process that is still open starts another guard for one that was killed: until its place is gone. */
async function dispose(path: string): Promise<void> {
  const remove = async () => {
    const instances = (await subtree(path)).filter((group) => basename(dirname(group)) === 'corral')
    removeTwins(instances.map((one) => basename(one)))
    await removeTree(path, 0)
  }
  const round = async () => {
    await killAll(path)
    return remove().then(
      () => true,
      () => false, // its guard may be removing the same
    )
  }
  await eventually(`${path} is killed and removed`, round, {
    instead: async () => ({ members: await describeAll(await members(path)), groups: await subtree(path) }),
  })
}

/** Pids with what they run and how they are, for messages. */
export async function describeAll(pids: readonly number[]): Promise<string[]> {
  return Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      const [name, state] = [/^Name:\t(.*)$/m, /^State:\t(.*)$/m].map((line) => line.exec(status)?.[1])
      return status ? `${pid} ${name} [${state}]` : `${pid}`
    }),
  )
}
