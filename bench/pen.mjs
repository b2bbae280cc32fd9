// A cgroup of a bench's own: everything a bench starts is below it, and it is emptied and removed at the end,
// also when the bench fails or is interrupted. So is its v1 memory cgroup, where there is one.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { reached } from '../test/support/reached.mjs'
import { uncover } from '../test/support/uncover.mjs'
import { enterMemoryPen } from './pen-memory.mjs'

const EMPTY_TIMEOUT_MS = 10_000
const POLL_MS = 2
const KILL_EACH_AFTER_MS = 200

/**
 * Runs `use(pen)` with a fresh pen below `parent` (default: the cgroup2 mount); removes it whatever happens. Throws where
 * an instance that was closed or collected has left something in the v1 memory hierarchy.
 */
export async function withPen(name, parent, use) {
  const pen = new Pen(join(parent ?? cgroup2Mount(), `corral-bench-${name}-${process.pid}`))
  const memory = enterMemoryPen(name)
  const remove = () => {
    removeCgroup(pen.path)
    return memory.end()
  }
  // 'exit' also comes after an uncaught exception, and after a promise that never settled.
  process.once('exit', remove)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
  const result = await use(pen)
  process.removeListener('exit', remove)
  const left = remove()
  if (left.length > 0)
    throw new Error(`${left.length} v1 memory cgroups were left (removed now), such as ${left[0]}`)
  return result
}

class Pen {
  constructor(path) {
    this.path = path
    mkdirSync(path)
  }

  /** A new directory below the pen. A name is used once: a cgroup that was killed takes no new process. */
  directory(name) {
    const path = join(this.path, name)
    mkdirSync(path)
    return path
  }
}

/** The command line, as for spawn(), of a shell that writes itself into `cgroup` and then becomes `command`. */
export function entering(cgroup, command, args) {
  return [
    '/bin/sh',
    ['-c', 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"', 'sh', cgroup, command, ...args],
  ]
}

/**
 * Kills what is left in a cgroup, waits until the kernel says that it is empty, removes it and all below it.
 * Synchronous, because a process that is about to end can wait for nothing else.
 */
export function removeCgroup(path) {
  const deadline = killCgroup(path)
  uncover(path)
  removeTree(path, deadline)
}

/** Kills what is left in a cgroup and waits until the kernel says that it is empty; returns the deadline of that. */
export function killCgroup(path) {
  writeFileSync(join(path, 'cgroup.kill'), '1')
  const start = Date.now()
  const deadline = start + EMPTY_TIMEOUT_MS
  while (isPopulated(path)) {
    if (Date.now() > deadline)
      throw new Error(`${path} is not empty ${EMPTY_TIMEOUT_MS} ms after cgroup.kill`)
    pause(POLL_MS)
    if (Date.now() > start + KILL_EACH_AFTER_MS) killEach(path)
  }
  return deadline
}

// cgroup.kill does not end a process whose first thread has ended and that has others.
function killEach(path) {
  for (const pid of cgroupMembers(path)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
}

/** The kernel's word on whether anything lives in a cgroup or below it. */
export function isPopulated(path) {
  try {
    return !readFileSync(join(path, 'cgroup.events'), 'utf8').includes('populated 0')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return false
    throw error
  }
}

// Bottom-up, with rmdir only. A directory may vanish under our eyes (a dying warden clears up too), and may
// be busy for a moment after its last process is gone.
function removeTree(path, deadline) {
  for (const child of childDirectories(path)) removeTree(join(path, child), deadline)
  for (;;) {
    try {
      reached(path, rmdirSync)
      return
    } catch (error) {
      if (error.code === 'ENOENT') return
      if (error.code !== 'EBUSY' || Date.now() > deadline) throw error
      pause(POLL_MS)
    }
  }
}

/** The pids of `path` and of all cgroups below it, each once. */
export function cgroupMembers(path) {
  const below = childDirectories(path).flatMap((child) => cgroupMembers(join(path, child)))
  return [...new Set([...ownMembers(path), ...below])]
}

// A group that is gone has no members, and a threaded one's are listed by the nearest above that is not.
function ownMembers(path) {
  try {
    return reached(join(path, 'cgroup.procs'), (procs) => readFileSync(procs, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map(Number)
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'ENOTSUP'].includes(error.code)) return []
    throw error
  }
}

/** The number of cgroups below `path`. */
export function countCgroupsBelow(path) {
  return childDirectories(path).reduce((sum, child) => sum + 1 + countCgroupsBelow(join(path, child)), 0)
}

function childDirectories(path) {
  try {
    return reached(path, (short) => readdirSync(short, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return []
    throw error
  }
}

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Where cgroup2 is mounted. */
export function cgroup2Mount() {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    // "ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS… - TYPE SOURCE SUPER": see proc_pid_mountinfo(5).
    const [mount, filesystem] = line.split(' - ')
    if (filesystem?.startsWith('cgroup2 ')) return mount.split(' ')[4]
  }
  throw new Error('no cgroup2 mount; name a writable cgroup2 directory with --parent')
}
