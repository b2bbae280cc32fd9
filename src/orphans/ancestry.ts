// Whether a living program stands above a process: its parent chain, up to a program that is not an agent, or to
// the process that adopts orphans.
import path from 'node:path'
import { isStartedBySystemd, type ProcessFacts, startedMs } from './processes.js'
import { isInteractiveShell, isInterpreter } from './program.js'

export interface Standing {
  orphan: boolean
  /** Why, in words. */
  why: string
}

// What a container starts at once and what its init takes in later have the same parent
const WITH_ITS_INIT_MS = 2000

/** Those that take in orphans (PR_SET_CHILD_SUBREAPER), besides each pid namespace's first process. /proc does not tell. */
function isReaper({ argv, first }: ProcessFacts): boolean {
  if (first) return true
  const [file = '', ...words] = argv
  const name = path.basename(file)
  if (name === 'systemd') return words.includes('--user')
  return file === '/init' || name === 'conmon' || name.startsWith('containerd-shim')
}

export function called({ pid, name, argv }: ProcessFacts): string {
  const command = [path.basename(argv[0] ?? name), ...argv.slice(1)].join(' ')
  return `${pid} ${command.length > 60 ? `${command.slice(0, 59)}…` : command}`
}

const kept = (why: string): Standing => ({ orphan: false, why })

/** Who has taken `top` in is `reaper`: whether it was one's own child from the start. */
function judgeTop(top: ProcessFacts, reaper: ProcessFacts, below: string): Standing {
  if (isInterpreter(reaper.argv))
    return kept(`its parent chain leads to the living program ${called(reaper)}`)
  if (isStartedBySystemd(top.pid)) return kept(`systemd runs ${called(top)} as a service`)
  if (Math.abs(startedMs(top) - startedMs(reaper)) < WITH_ITS_INIT_MS)
    return kept(
      `${called(top)} was started together with ${called(reaper)}, so ${called(reaper)} may be there for it`,
    )
  return {
    orphan: true,
    why: `${below} (now it is ${reaper.pid}, ${path.basename(reaper.argv[0] ?? reaper.name)})`,
  }
}

/** Judges one process by `all`; `isAgent` says who of those above it cannot answer for it. */
export function standingOf(
  process: ProcessFacts,
  all: ReadonlyMap<number, ProcessFacts>,
  isAgent: (process: ProcessFacts) => boolean,
): Standing {
  const seen = new Set<number>()
  for (let at = process; ; ) {
    const parent = all.get(at.ppid)
    if (at.first) return kept(`${called(at)} is the first process of a pid namespace`)
    if (at.ppid === 0) return kept(`the parent of ${called(at)} is outside of this pid namespace`)
    if (parent === undefined || seen.has(at.pid))
      return kept(`the parent of ${called(at)}, pid ${at.ppid}, cannot be seen`)
    seen.add(at.pid)
    if (isReaper(parent)) {
      const direct =
        at === process
          ? 'its parent is gone'
          : `its parent chain ends with ${called(at)}, whose parent is gone`
      return judgeTop(at, parent, direct)
    }
    if (isInteractiveShell(parent.argv, parent.terminal))
      return kept(`its parent chain leads to the living interactive shell ${called(parent)}`)
    if (!isAgent(parent)) return kept(`its parent chain leads to the living program ${called(parent)}`)
    at = parent
  }
}
