// A pen: a cgroup that the demo makes, runs everything in, counts exactly and empties at the end, however it
// ends. A process cannot leave its cgroup by forking, so the pen sees every survivor, whatever became of its
// parent.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

// The guard is a process of its own outside the cgroup, at the other end of a pipe: it empties and removes the cgroup as soon
// as its input ends, which the kernel sees to even when who started it is killed. Ten seconds at most.
const GUARD = `
read -r line
tries=200
while [ "$tries" -gt 0 ]; do
  [ -d "$0" ] || exit 0
  [ ! -e "$0/cgroup.kill" ] || echo 1 >"$0/cgroup.kill" # cgroup v1 has none
  find "$0" -xdev -depth -type d -exec rmdir {} + 2>/dev/null && exit 0
  tries=$((tries - 1))
  sleep 0.05
done
exit 1`

const ENTER = 'echo 0 >"$0/cgroup.procs" && exec "$@"'

/** No cgroup can be made: the message says for every candidate what is missing. */
export class NoPenError extends Error {
  name = 'NoPenError'
}

/**
 * Makes a pen under the first cgroup2 directory that lets us: `parent` if given, else our own cgroup, else
 * the mount. Throws a NoPenError where there is none.
 *
 * @param {{ parent?: string }} [options]
 */
export function openPen({ parent } = {}) {
  const tried = []
  for (const candidate of parent ? [parent] : candidates()) {
    const path = join(candidate, `corral-pen-${process.pid}-${randomBytes(4).toString('hex')}`)
    const refusal = prepare(path)
    if (!refusal) {
      // It is ended with the guards in it: they could not remove what they have in the v1 memory hierarchy any more
      process.env.CORRAL_NO_MEMORY_V1 = '1'
      return pen(path)
    }
    tried.push(`  ${candidate}: ${refusal}`)
  }
  if (tried.length === 0) tried.push('  no cgroup2 file system is mounted')
  throw new NoPenError(`No writable cgroup2 directory to make a pen in (be root, or in a unit with Delegate=yes):
${tried.join('\n')}`)
}

/** Has a cgroup emptied and removed when `end()` is called, or this process ends without that. */
export function guardCgroup(path) {
  const watcher = spawn('sh', ['-c', GUARD, path], { stdio: ['pipe', 'ignore', 'inherit'], detached: true })
  const exited = once(watcher, 'exit')
  watcher.stdin.on('error', () => {})
  return {
    /** Rejects when the cgroup is still there after ten seconds. */
    async end() {
      watcher.stdin.end()
      const [code] = await exited
      if (code !== 0) throw new Error(`The cgroup ${path} could not be emptied: ${members(path).join(', ')}`)
    },
  }
}

function pen(path) {
  const guard = guardCgroup(path)
  return {
    path,
    /** Makes a directory inside the pen. */
    room(name) {
      const room = join(path, name)
      mkdirSync(room)
      return room
    },
    /** Kills what is left in the pen and removes it. Rejects when that was not done within ten seconds. */
    end: () => guard.end(),
  }
}

/** A command line that enters the cgroup directory and then becomes `command`, keeping its pid. */
export function entering(directory, command, args) {
  return { command: 'sh', args: ['-c', ENTER, directory, command, ...args] }
}

/** The pids of a cgroup directory and of all below it. */
export function members(directory) {
  const pids = readLines(join(directory, 'cgroup.procs')).map(Number)
  for (const below of subdirectories(directory)) pids.push(...members(join(directory, below)))
  return pids
}

/**
 * Where cgroup2 is mounted.
 *
 * @returns {string[]}
 */
export function mounts() {
  return readLines('/proc/self/mounts')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup2')
    .map(([, directory]) => directory)
}

function candidates() {
  const own = /^0::\/?(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? ''
  return [...new Set(mounts().flatMap((mount) => [join(mount, own), mount]))]
}

// Undefined when the pen is ready; else the reason why not. Permission to make a directory is not permission
// to move a process into it, and older kernels have no cgroup.kill: so all is tried.
function prepare(path) {
  try {
    mkdirSync(path)
  } catch (error) {
    return `mkdir: ${error.code}`
  }
  const refusal = unfit(path)
  if (refusal) rmdirSync(path)
  return refusal
}

function unfit(path) {
  const files = readdirSync(path)
  if (!files.includes('cgroup.procs')) return 'not a cgroup2 directory'
  if (!files.includes('cgroup.kill')) return 'no cgroup.kill (Linux 5.14 or later is needed)'
  const entered = spawnSync('sh', ['-c', ENTER, path, 'true'], { encoding: 'utf8' })
  return entered.status === 0 ? undefined : entered.stderr.trim()
}

/** The names of the groups directly below a cgroup directory; none when it is not there. */
export function subdirectories(directory) {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entry.name : [],
    )
  } catch (error) {
    return ifGone(error)
  }
}

function readLines(file) {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch (error) {
    return ifGone(error)
  }
}

// A group may be removed while we walk it: that is "empty", everything else is an error.
function ifGone(error) {
  if (error.code === 'ENOENT' || error.code === 'ENODEV') return []
  throw error
}
