// The processes of a session as /proc shows them, for people: nothing is done to a process by what is read here.
import { readFileSync } from 'node:fs'
import { parseStat, procText, TICKS_PER_S } from '../linux/proc-file.js'
import type { SeenSession } from './observer.js'

export interface ProcessView {
  pid: number
  ppid: number
  uid: number
  /** A letter of proc_pid_stat(5): `S` sleeps, `R` runs, `D` waits in the kernel, `T` is stopped, `Z` has ended. */
  state: string
  /** Milliseconds since the epoch. */
  startedAt: number
  cpuMs: number
  /** Resident memory, with what is shared in full. */
  rssBytes: number
  threads: number
  command: string
}

/** Milliseconds since the epoch at which this machine was booted. */
function bootedAt(): number {
  return Date.now() - Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000)
}

const field = (status: string, name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])

/** Undefined where it has ended, or may not be looked at. */
function readView(pid: number, booted: number): ProcessView | undefined {
  const [stat, status, words] = ['stat', 'status', 'cmdline'].map((file) => procText(`/proc/${pid}/${file}`))
  if (!stat || !status) return undefined
  const { name, state, ppid, startTicks, cpuTicks } = parseStat(stat)
  const command = words?.replace(/\0+$/, '').replaceAll('\0', ' ')
  return {
    pid,
    ppid,
    uid: field(status, 'Uid'),
    state,
    startedAt: booted + (startTicks * 1000) / TICKS_PER_S,
    cpuMs: (cpuTicks * 1000) / TICKS_PER_S,
    rssBytes: (field(status, 'VmRSS') || 0) * 1024, // a zombie has none
    threads: field(status, 'Threads'),
    command: command || `[${name}]`,
  }
}

/** Of those that are in it before and after they are looked at: a pid can come to mean another process. */
export async function processesOf(session: SeenSession): Promise<ProcessView[]> {
  const before = await session.members()
  const booted = bootedAt()
  const views = before.map((pid) => readView(pid, booted)).filter((view) => view !== undefined)
  const after = new Set(await session.members())
  return views.filter(({ pid }) => after.has(pid)).sort((one, other) => one.pid - other.pid)
}

/** The same, each after its parent, with how deep it is below the first that is in the session. */
export function asTree(views: readonly ProcessView[]): { depth: number; process: ProcessView }[] {
  const pids = new Set(views.map(({ pid }) => pid))
  const children = new Map<number | undefined, ProcessView[]>()
  for (const view of views) {
    const parent = pids.has(view.ppid) ? view.ppid : undefined
    const siblings = children.get(parent)
    if (siblings) siblings.push(view)
    else children.set(parent, [view])
  }
  const below = (parent: number | undefined, depth: number): { depth: number; process: ProcessView }[] =>
    (children.get(parent) ?? []).flatMap((process) => [{ depth, process }, ...below(process.pid, depth + 1)])
  return below(undefined, 0)
}
