// The memory of what a wrapper keeps in memory beside its command, while that runs.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { cgroupMembers, entering, removeCgroup } from './pen.mjs'
import { readPids, SLEEPERS } from './sleeping-processes.mjs'

const SETTLE_TIMEOUT_MS = 5000
const SETTLE_POLL_MS = 5

/**
 * Runs a sleeper in a way (run-ways.mjs): the wrapper in the cgroup `wrapper`, with `root` for Corral, both of them
 * below `cgroup`, which it removes. Resolves to the number of processes that stay, and to the resident memory, all and
 * anonymous, in KiB, of the wrapper's own process and of all of them.
 */
export async function measureResident({ cgroup, wrapper, root, way }) {
  const [program, ...args] = [...(way.enter ?? []), ...way.words([SLEEPERS, '1'], root)]
  const child = spawn(...entering(wrapper, program, args), { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  await readPids(child.stdout)
  const kept = await keptProcesses(cgroup, way.keeps)
  if (!kept.includes(child.pid)) throw new Error(`${program} went on under another pid`)
  const each = kept.map(residentOf)
  const own = residentOf(child.pid)
  removeCgroup(cgroup)
  await closed
  return {
    processes: kept.length,
    wrapper: own.resident,
    wrapperAnonymous: own.anonymous,
    all: sum(each.map(({ resident }) => resident)),
    allAnonymous: sum(each.map(({ anonymous }) => anonymous)),
  }
}

// A wrapper may have helpers at its start that are about to end when the command already runs.
async function keptProcesses(cgroup, keeps) {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const kept = cgroupMembers(cgroup).filter((pid) => !isCommand(pid))
    if (kept.length === keeps) return kept
    if (Date.now() > deadline) throw new Error(`${kept.length} processes stay, not ${keeps}`)
    await setTimeout(SETTLE_POLL_MS)
  }
}

function isCommand(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleepers\n'
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false
    throw error
  }
}

// VmRSS and RssAnon by another name: /proc/PID/status has them from counters that some kernels (6.2 to 6.15) let be
// off by 32 pages a core, which is more than what is measured here.
function residentOf(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return { resident: kibibytes(rollup, 'Rss'), anonymous: kibibytes(rollup, 'Anonymous') }
}

function kibibytes(rollup, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(rollup)[1])
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}
