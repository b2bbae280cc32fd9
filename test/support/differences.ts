// What the backends promise differently. The table in docs/sessions.md is made of this one, and each row is tried: the test
// that it belongs to says with differs() what is expected of the backend that it runs on.
import type { BackendName } from '../../src/index.js'
import { BACKEND } from './backend.js'

type Row = { what: string } & Record<BackendName, string>

export const DIFFERENCES = {
  place: {
    what: 'where a session is seen',
    cgroup:
      '`receipt.path` is its cgroup below `corral.root`, in a tree of keys; `corral ls`, `set` and `kill` reach it from anywhere',
    subreaper:
      '`receipt.path` is `/proc/PID` of its holder, there is no root, and only its gateway reaches it',
  },
  entered: {
    what: 'commands that others start',
    cgroup: '`corral.wrap()` gives a command line that enters a session',
    subreaper: '`wrap()` rejects with `KernelError`',
  },
  killer: {
    what: 'a session of which another program kills all, and what holds it',
    cgroup: 'is held as before: one that is persistent goes on without processes',
    subreaper: 'is closed, with the reason `holder-killed`',
  },
  limits: {
    what: 'limits',
    cgroup: 'those that the root has controllers for',
    subreaper: '`memoryMax` of a session, by the watchdog, with `best-effort`; no other',
  },
  usage: {
    what: '`usage` in the report',
    cgroup: 'what the kernel counted in the cgroup',
    subreaper:
      'CPU time of the processes that were reaped below the holder; memory as far as it was looked at',
  },
  terminal: {
    what: 'terminal session and process group of a leader',
    cgroup: "the gateway's, unless `detached`",
    subreaper: "the holder's: there is no controlling terminal",
  },
  moment: {
    what: 'umask, rlimits and nice of a process',
    cgroup: "the gateway's when it is spawned",
    subreaper: "the gateway's when it called `openCorral()`",
  },
  held: {
    what: 'what can get away',
    cgroup: 'nothing, but by a hostile process of the same user that writes itself into another cgroup',
    subreaper: 'what is left when somebody kills the holder and the keeper both; `receipt.notHeld` says so',
  },
} as const satisfies Record<string, Row>

/** Does what is to be expected of the backend of this run. */
export function differs<Result>(
  _row: keyof typeof DIFFERENCES,
  expected: Record<BackendName, () => Result>,
): Result {
  return expected[BACKEND]()
}

/** The table as markdown. */
export function differencesTable(): string {
  const rows = Object.values(DIFFERENCES).map(({ what, cgroup, subreaper }) => [what, cgroup, subreaper])
  return [['', 'cgroup', 'subreaper'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
