// Agents outside of all sessions whose starter has gone: left from before Corral, or by
// programs without it. They are found by their command lines, and ended only one by one, by name.
import { constants } from 'node:os'
import { containment } from '../backend/mechanisms.js'
import { systemCodeOf } from '../common/errors.js'
import { userName } from '../linux/users.js'
import { loadNative, type Native } from '../native/addon.js'
import { knownProgram, type Likeness } from './agents.js'
import { called, type Standing, standingOf } from './ancestry.js'
import { memoryOf, type ProcessFacts, readProcess, readProcesses, startedMs, uptimeMs } from './processes.js'

export interface Orphan {
  /** `PID:START`: names this process and no later one with the same pid. */
  id: string
  pid: number
  ppid: number
  /** Pid and command of its present parent. */
  parent: string
  /** Milliseconds. */
  ageMs: number
  memoryBytes: number
  /** How the memory is counted: proportional, or where that may not be seen, resident. */
  memoryKind: 'pss' | 'rss'
  owner: string
  command: string
  /** What it is by the table of known programs, or how it belongs to one. */
  what: string
  /** False only with `all`: a living program answers for it. */
  orphan: boolean
  /** Why it is listed, and why it is or is no orphan. */
  why: string
}

export interface OrphanSearch {
  /** Roots to know besides those that are found. */
  root?: string | undefined
  /** What to look for; by default agents, by the table of known programs. */
  likeness?: (argv: readonly string[]) => Likeness | undefined
}

/** One process to end: with `startTicks` only if it was started then. */
export interface Target {
  pid: number
  startTicks?: number
}

export interface EndedOrphan {
  pid: number
  /** Absent where there was no such process. */
  command?: string
  /** `ended`: by itself, after SIGTERM. `survived`: SIGKILL as well. `refused`: nothing was done. */
  outcome: 'ended' | 'killed' | 'survived' | 'refused'
  /** Of what was refused or survived. */
  why?: string
}

// A process that is not in uninterruptible sleep is gone milliseconds after SIGKILL.
const KILL_MS = 5000

interface Judged {
  process: ProcessFacts
  likeness: Likeness | undefined
  standing: Standing
}

/** Our own process and all above it: the program that asks is alive. */
function ourLine(all: ReadonlyMap<number, ProcessFacts>): Set<number> {
  const line = new Set<number>()
  for (let at = all.get(process.pid); at && !line.has(at.pid); at = all.get(at.ppid)) line.add(at.pid)
  return line
}

/** The orphan that stands above a process, if one does. */
function orphanAbove(
  { ppid }: ProcessFacts,
  all: ReadonlyMap<number, ProcessFacts>,
  orphans: ReadonlySet<number>,
): ProcessFacts | undefined {
  const seen = new Set<number>()
  for (let at = all.get(ppid); at && !seen.has(at.pid); at = all.get(at.ppid)) {
    if (orphans.has(at.pid)) return at
    seen.add(at.pid)
  }
  return undefined
}

/**
 * All that look like agents or belong to one that is an orphan, of this user's processes (of all for root). Who belongs
 * to an orphan comes after it.
 */
function survey(native: Native, { root, likeness = knownProgram }: OrphanSearch): Judged[] {
  const all = readProcesses()
  const isHeld = containment(native, root)
  const uid = process.getuid?.()
  const ours = ourLine(all)
  const free = [...all.values()].filter(
    (one) =>
      one.argv.length > 0 &&
      !ours.has(one.pid) &&
      !one.first &&
      (uid === 0 || one.uid === uid) &&
      !(one.cgroup !== undefined && isHeld(one.cgroup)),
  )
  const likenesses = new Map(free.map((one) => [one.pid, likeness(one.argv)]))
  const judged = free
    .filter(({ pid }) => likenesses.get(pid))
    .map((one) => ({
      process: one,
      likeness: likenesses.get(one.pid),
      standing: standingOf(one, all, ({ pid, argv }) => !ours.has(pid) && likeness(argv) !== undefined),
    }))
  const orphans = new Set(judged.filter(({ standing }) => standing.orphan).map(({ process: { pid } }) => pid))
  const below = free.flatMap((one): Judged[] => {
    const above = orphans.has(one.pid) ? undefined : orphanAbove(one, all, orphans)
    if (!above) return []
    const standing = { orphan: true, why: `it belongs to the orphan ${called(above)}` }
    return [{ process: one, likeness: likenesses.get(one.pid), standing }]
  })
  const replaced = new Set(below.map(({ process: { pid } }) => pid))
  return [...judged.filter(({ process: { pid } }) => !replaced.has(pid)), ...below]
}

/** `now` in ms since boot: one for all of a list, whose ages are then in the order of their starts. */
function describe(
  { process: facts, likeness, standing }: Judged,
  parent: ProcessFacts | undefined,
  now: number,
): Orphan {
  const { pid, ppid, startTicks, uid, argv } = facts
  const memory = memoryOf(pid)
  const named = likeness ? [`its command line names ${likeness.named}`] : []
  return {
    id: `${pid}:${startTicks}`,
    pid,
    ppid,
    parent: parent ? called(parent) : `${ppid}`,
    ageMs: Math.max(0, now - startedMs(facts)),
    memoryBytes: memory.bytes,
    memoryKind: memory.kind,
    owner: userName(uid),
    command: argv.join(' '),
    what: likeness?.what ?? 'started by an agent',
    orphan: standing.orphan,
    why: [...named, standing.why, 'it is in no session'].join('; '),
  }
}

/** The orphans that there are, the oldest first and an orphan before what belongs to it; with `all` also those that look like agents and are none. */
export function findOrphans({ all = false, ...search }: OrphanSearch & { all?: boolean } = {}): Orphan[] {
  const judged = survey(loadNative(), search).filter(({ standing }) => all || standing.orphan)
  const processes = readProcesses()
  const now = uptimeMs()
  return judged
    .sort((a, b) => a.process.startTicks - b.process.startTicks)
    .map((one) => describe(one, processes.get(one.process.ppid), now))
}

/** A target with its pidfd, which goes on meaning the process of that moment. */
interface Held {
  target: Target
  pidfd: number | undefined
  /** What had the pid just before. */
  before: ProcessFacts | undefined
}

function hold(native: Native, target: Target): Held {
  const before = readProcess(target.pid)
  try {
    return { target, before, pidfd: before && native.openProcess(target.pid) }
  } catch (error) {
    if (systemCodeOf(error) !== 'EINVAL') throw error // the id of a thread
    return { target, before: undefined, pidfd: undefined }
  }
}

/**
 * Why a target is not to be ended; `undefined`: it is to be. `found` was looked up after the pidfd was opened and
 * `before` ahead of that: with the same start time in both, the pidfd means that process.
 */
function refusal({ target, pidfd, before }: Held, found: Judged | undefined): string | undefined {
  if (pidfd === undefined || before === undefined) return 'no such process'
  const { startTicks = before.startTicks } = target
  if (before.startTicks !== startTicks)
    return `it is not the process that was listed: ${target.pid}:${startTicks} has ended, and ${target.pid}:${before.startTicks} has its pid`
  if (!found) return 'it does not look like an agent, is in a session, or belongs to another user'
  if (found.process.startTicks !== startTicks) return 'it has ended, and another process has its pid'
  return found.standing.orphan ? undefined : `it is not an orphan: ${found.standing.why}`
}

async function end(native: Native, pidfd: number, graceMs: number): Promise<EndedOrphan['outcome']> {
  const { SIGTERM, SIGCONT, SIGKILL } = constants.signals
  if (graceMs > 0) {
    native.signal(pidfd, SIGTERM)
    native.signal(pidfd, SIGCONT) // one that is stopped cannot hear
    if (await native.waitForExit(pidfd, graceMs)) return 'ended'
  }
  native.signal(pidfd, SIGKILL)
  return (await native.waitForExit(pidfd, KILL_MS)) ? 'killed' : 'survived'
}

/**
 * Ends those of `targets` that are orphans, each looked at again while a pidfd of it is held: SIGTERM, and after
 * `graceMs` SIGKILL. All are looked at before the first is signalled: who belongs to an orphan is none without it.
 */
export async function endOrphans(
  targets: Target[],
  { graceMs, ...search }: OrphanSearch & { graceMs: number },
): Promise<EndedOrphan[]> {
  const native = loadNative()
  const held: Held[] = []
  try {
    for (const target of targets) held.push(hold(native, target))
    const found = survey(native, search)
    const plans = held.map((one) => {
      const judged = found.find(({ process: { pid } }) => pid === one.target.pid)
      return { one, why: refusal(one, judged) }
    })
    return await Promise.all(
      plans.map(async ({ one: { target, pidfd, before }, why }): Promise<EndedOrphan> => {
        const who = { pid: target.pid, ...(before && { command: before.argv.join(' ') }) }
        if (why !== undefined || pidfd === undefined) return { ...who, outcome: 'refused', why: why ?? '' }
        const outcome = await end(native, pidfd, graceMs)
        return {
          ...who,
          outcome,
          ...(outcome === 'survived' && { why: `SIGKILL has not ended it within ${KILL_MS} ms` }),
        }
      }),
    )
  } finally {
    for (const { pidfd } of held) if (pidfd !== undefined) native.close(pidfd)
  }
}
