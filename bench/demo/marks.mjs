// Counting without cgroups: a mark that children inherit and that nothing in the demo takes off, whatever becomes of their
// parent, their process group, their terminal session or their environment. It is RLIMIT_RSS, which has had no effect since
// Linux 2.4.30 (getrlimit(2)) and can be read of every process: the hard limit says whose a process is, the soft limit
// which room it is in. Both are random numbers, so nobody else has them.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const GUARD = fileURLToPath(new URL('mark-guard.mjs', import.meta.url))

// In KiB, the unit of `ulimit -m`: so large that nobody has set one, and as bytes still exact in JavaScript
const MOST = 2 ** 40
const LEAST = 2 ** 30

// The soft limit first: it may not be above the hard one
const WEAR = 'ulimit -S -m "$1" && ulimit -H -m "$0" && shift && exec "$@"'

/**
 * @typedef {object} Mark
 * @property {number} hard in KiB, and Infinity for no limit, as is the other
 * @property {number} [soft]
 */

/** A number that processes can be marked with below all that this process is marked with: the hard limit, in KiB. */
export function newMark() {
  const { hard } = ownMark()
  const most = Math.min(hard, MOST)
  if (most < LEAST)
    throw new Error(
      `RLIMIT_RSS is ${hard} KiB here, too low to tell processes by: start this with \`ulimit -m unlimited\``,
    )
  const quarter = Math.floor(most / 4)
  return 2 * quarter + randomInt(quarter)
}

/**
 * The command line, as of spawn(), of a shell that marks itself and becomes `command`.
 *
 * @param {Required<Mark>} mark
 * @param {string} command
 * @param {string[]} args
 */
export function marking({ hard, soft }, command, args) {
  return { command: 'sh', args: ['-c', WEAR, String(hard), String(soft), command, ...args] }
}

/**
 * The pids of all living processes with this hard limit and, if given, this soft limit.
 *
 * @param {Mark} mark
 */
export function marked(mark) {
  const found = []
  visitMarked(mark, (pid) => found.push(pid))
  return [...new Set(found)]
}

/**
 * Kills all that bear it and says how many there were: who is forked meanwhile may be there still.
 *
 * @param {Mark} mark
 * @param {{ but?: number }} [spared] a pid
 */
export function endMarked(mark, { but } = {}) {
  let killed = 0
  visitMarked(mark, (pid) => {
    if (pid === but) return
    killed++
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  })
  return killed
}

/**
 * Has all that bear a mark ended, this process aside, when `end()` is called, or this process ends without that. To be called by a
 * process that does not bear it yet: the guard must not.
 *
 * @param {number} hard
 */
export function guardMark(hard) {
  const guard = spawn(process.execPath, [GUARD, String(hard), String(process.pid)], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  const exited = once(guard, 'exit')
  guard.stdin.on('error', () => {})
  return {
    async end() {
      guard.stdin.end()
      const [code] = await exited
      if (code !== 0) throw new Error(`These processes could not be ended: ${marked({ hard }).join(', ')}`)
    },
  }
}

// A list of /proc is old before all in it are looked at: a fork bomb of short lives can have gone through all of its processes meanwhile. So
// those that were born since are looked at too, the youngest first, until no more are born.
function visitMarked(mark, visit) {
  const look = (pids) => {
    for (const pid of pids) if (bears(pid, mark) && lives(pid)) visit(pid)
  }
  let last = lastPid()
  look(processes())
  for (;;) {
    const [before, now] = [last, lastPid()]
    if (now === before) return
    look(now > before ? Array.from({ length: now - before }, (_, at) => now - at) : processes())
    last = now
  }
}

const processes = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

// The last of proc_loadavg(5)'s words: the pid of the process that was made last
const lastPid = () => Number(readFileSync('/proc/loadavg', 'utf8').trim().split(' ').at(-1))

function bears(pid, { hard, soft }) {
  const mark = markOf(pid)
  return mark?.hard === hard && (soft === undefined || mark.soft === soft)
}

/**
 * What this process is marked with.
 *
 * @returns {Required<Mark>}
 */
export const ownMark = () => markOf('self')

// Undefined for a process that is gone
function markOf(pid) {
  const words = read(`/proc/${pid}/limits`)?.match(/^Max resident set +(\w+) +(\w+)/m)
  if (!words) return undefined
  const [soft, hard] = words
    .slice(1)
    .map((word) => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word) / 1024))
  return { soft, hard }
}

// A zombie does not live, but one whose first thread alone has ended lives on with its others. The number of such a thread is no process.
function lives(pid) {
  const [, state, group] = read(`/proc/${pid}/status`)?.match(/^State:\t(\w).*\nTgid:\t(\d+)$/m) ?? []
  if (Number(group) !== pid) return false
  return !'ZX'.includes(state) || threads(pid) > 1
}

function threads(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch (error) {
    return ifGone(error) ?? 0
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return ifGone(error)
  }
}

// Undefined for a process that went away while we looked
function ifGone(error) {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined
  throw error
}
