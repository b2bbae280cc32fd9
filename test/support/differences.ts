// What the backends promise differently. The table in docs/sessions.md is made of this one, and each row is tried: the test
// that it belongs to says with differs() what is expected of the backend that it runs on.
import type { BackendName } from '../../src/index.js'
import { BACKEND } from './backend.js'

type Row = { what: string } & Record<BackendName, string>

export const DIFFERENCES = {
  place: {
    what: 'where a session is seen',
    cgroup:
      '`receipt.path` is its cgroup below `corral.root`, in a tree of keys; `corral ls`, `exec`, `set` and `kill` reach it from anywhere',
    subreaper:
      '`receipt.path` is `/proc/PID` of its reaper, and there is no root; `corral ls`, `exec` and `kill` of the same user, and of root, reach it in the same network namespace, `set` does not',
    passthrough: "`receipt.path` is `''`; only its gateway reaches it",
  },
  entered: {
    what: 'commands that others start',
    cgroup: 'the process that is started enters the session, and becomes the command',
    subreaper:
      'the process that is started stands for the command, which is below a reaper in the same terminal session and process group: it passes signals on and ends as the command does, but has another pid, and is not stopped when that alone is',
    passthrough:
      '`wrap()` gives the command unchanged, and its session knows of no process; there is no `corral run`',
  },
  killer: {
    what: 'a session of which another program kills all, and what holds it',
    cgroup: 'is held as before: one that is persistent goes on without processes',
    subreaper: 'is closed, with the reason `holder-killed`',
    passthrough: 'goes on, if it is persistent: nothing holds it',
  },
  limits: {
    what: 'limits',
    cgroup: 'those that the root has controllers for',
    subreaper: '`memoryMax` of a session, by the watchdog, with `best-effort`; no other',
    passthrough: 'none: refused, or with `best-effort` not enforced',
  },
  usage: {
    what: '`usage` in the report',
    cgroup: 'what the kernel counted in the cgroup',
    subreaper:
      'CPU time of the processes that were reaped below the reaper; memory as far as it was looked at',
    passthrough: 'nothing',
  },
  terminal: {
    what: 'terminal session and process group of a leader',
    cgroup: "the gateway's, unless `detached`",
    subreaper: "the reaper's: there is no controlling terminal",
    passthrough: "the gateway's, unless `detached`",
  },
  held: {
    what: 'what can get away',
    cgroup:
      'nothing, but by a hostile process of the same user that takes its mark off and writes itself into another cgroup, and [what others start or move](#what-others-move-out-of-a-session)',
    subreaper:
      'nothing, but by a hostile process of the same user that takes its mark off, and only when somebody kills the reaper and the keeper both',
    passthrough:
      'all but the processes of `spawn()` and `session.spawn()`, and the process groups of those that are `detached`; nothing ends with the gateway. `receipt.notHeld` says so',
  },
} as const satisfies Record<string, Row>

/** Does what is to be expected of the backend of this run; tests that do not run on passthrough need not say it for that. */
export function differs<Result>(
  _row: keyof typeof DIFFERENCES,
  expected: Record<'cgroup' | 'subreaper', () => Result> & { passthrough?: () => Result },
): Result {
  const ours = expected[BACKEND]
  if (!ours) throw new Error(`this test says nothing of ${BACKEND}`)
  return ours()
}

/** The table as markdown. */
export function differencesTable(): string {
  const rows = Object.values(DIFFERENCES).map(({ what, cgroup, subreaper, passthrough }) => [
    what,
    cgroup,
    subreaper,
    passthrough,
  ])
  return [['', 'cgroup', 'subreaper', 'passthrough'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
