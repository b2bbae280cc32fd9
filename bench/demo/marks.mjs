// Counting without cgroups: a mark that children inherit and that nothing in the demo takes off, whatever becomes of their
// parent, their process group, their terminal session or their environment. It is RLIMIT_RSS, which has had no effect since
// Linux 2.4.30 (getrlimit(2)) and can be read of every process: the hard limit says whose a process is, the soft limit
// which room it is in. Both are random numbers, so nobody else has them.
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

// In KiB, the unit of `ulimit -m`: so large that nobody has set one, and as bytes still exact in JavaScript
const MOST = 2 ** 40
const LEAST = 2 ** 30

// The soft limit first: it may not be above the hard one
const WEAR = 'ulimit -S -m "$1" && ulimit -H -m "$0" && shift && exec "$@"'

/** A number that processes can be marked with below all that this process is marked with: the hard limit, in KiB. */
export function newMark() {
  const { hard } = limitOf('self')
  const most = Math.min(hard / 1024, MOST)
  if (most < LEAST)
    throw new Error(
      `RLIMIT_RSS is ${hard} here, too low to tell processes by: start this with \`ulimit -m unlimited\``,
    )
  return Math.floor(most / 2) + randomInt(most / 4)
}

/** The command line, as of spawn(), of a shell that marks itself and becomes `command`. */
export function marking({ hard, soft }, command, args) {
  return { command: 'sh', args: ['-c', WEAR, String(hard), String(soft), command, ...args] }
}

/** The pids of all living processes with this hard limit and, if given, this soft limit. */
export function marked({ hard, soft }) {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const limit = limitOf(name)
    const is = limit?.hard === hard * 1024 && (soft === undefined || limit.soft === soft * 1024)
    return is && !isDead(name) ? [Number(name)] : []
  })
}

/** Kills all that bear it and says how many there were: who is forked meanwhile is found by the next call. */
export function endMarked(mark) {
  const pids = marked(mark)
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
  return pids.length
}

function limitOf(pid) {
  const words = read(`/proc/${pid}/limits`)?.match(/^Max resident set +(\w+) +(\w+)/m)
  if (!words) return undefined
  const [soft, hard] = words
    .slice(1)
    .map((word) => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word)))
  return { soft, hard }
}

// A zombie is dead, but one whose first thread alone has ended lives on with its others.
function isDead(pid) {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return true
  // proc_pid_stat(5): the state is behind the name, in which there may be anything
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0]
  return 'ZX'.includes(state) && threads(pid) <= 1
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
