// The processes of this machine as /proc shows them, with what no list of `ps` has: the words of argv one by one, the
// start time by which a pid is told from a later one, and the cgroup.
import { readdirSync, readFileSync } from 'node:fs'
import { isGone, systemCodeOf } from '../common/errors.js'
import { parseOwnCgroup } from '../linux/mounts.js'
import { parseStat, TICKS_PER_S } from '../linux/proc-file.js'

export interface ProcessFacts {
  pid: number
  ppid: number
  /** The kernel's name for it: 15 bytes at most. */
  name: string
  /** Empty for kernel threads and zombies. */
  argv: string[]
  uid: number
  /** When it was started, in clock ticks since boot: pid and this together name one process for ever. */
  startTicks: number
  /** The device number of its controlling terminal; 0: none. */
  terminal: number
  /** Its cgroup in the cgroup2 hierarchy, as the kernel names it from here. */
  cgroup: string | undefined
  /** Whether it is the first process of a pid namespace below ours, or of ours: a container's or the machine's init. */
  first: boolean
}

/** The text of a file of /proc; `undefined` where the process is gone, or is not ours to look at. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isGone(error) || ['ESRCH', 'EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) return undefined
    throw error
  }
}

/** The words of a cmdline file. A program that has given itself a title (npm, claude) has one word with blanks in it. */
export function parseArgv(cmdline: string): string[] {
  const words = cmdline.replace(/\0+$/, '').split('\0')
  const [title = '', ...others] = words
  if (others.length > 0) return words
  return title.split(' ').filter((word) => word !== '')
}

/** One process; `undefined` where there is none with that pid. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const [stat, status, cmdline, cgroup] = ['stat', 'status', 'cmdline', 'cgroup'].map((file) =>
    read(`/proc/${pid}/${file}`),
  )
  if (stat === undefined || status === undefined) return undefined
  const { name, ppid, startTicks, terminal } = parseStat(stat)
  const namespaces = /^NSpid:\t(.*)$/m.exec(status)?.[1]?.split('\t')
  return {
    pid,
    ppid,
    name,
    argv: parseArgv(cmdline ?? ''),
    uid: Number(/^Uid:\t(\d+)/m.exec(status)?.[1]),
    startTicks,
    terminal,
    cgroup: parseOwnCgroup(cgroup ?? ''),
    first: pid === 1 || (namespaces?.at(-1) === '1' && namespaces.length > 1),
  }
}

/** All that can be seen, by pid. */
export function readProcesses(): Map<number, ProcessFacts> {
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const facts = found.map((name) => readProcess(Number(name))).filter((one) => one !== undefined)
  return new Map(facts.map((one) => [one.pid, one]))
}

/** When a process was started, in ms since boot. */
export function startedMs({ startTicks }: ProcessFacts): number {
  return (startTicks * 1000) / TICKS_PER_S
}

/** The time since boot in ms, by the clock of startedMs(). */
export function uptimeMs(): number {
  return Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000)
}

export interface Memory {
  bytes: number
  /** `pss`: what is shared counts for each who shares it in part. `rss`: in full; where we may not see the other. */
  kind: 'pss' | 'rss'
}

/** The memory that a process uses. */
export function memoryOf(pid: number): Memory {
  const kib = (text: string | undefined, field: string) =>
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1]
  const pss = kib(read(`/proc/${pid}/smaps_rollup`), 'Pss')
  if (pss !== undefined) return { bytes: Number(pss) * 1024, kind: 'pss' }
  return { bytes: Number(kib(read(`/proc/${pid}/status`), 'VmRSS') ?? 0) * 1024, kind: 'rss' }
}

/**
 * Whether systemd has started this very process as (part of) a unit: it tells each its pid in SYSTEMD_EXEC_PID
 * (systemd 248), which children inherit and thereby do not fit.
 */
export function isStartedBySystemd(pid: number): boolean {
  const environment = read(`/proc/${pid}/environ`)?.split('\0') ?? []
  return environment.includes(`SYSTEMD_EXEC_PID=${pid}`)
}
