// A share of the processors for programs that take all they get: a cpu cgroup (v1) of the test run's own, where cgroup2 has no
// such controller. Without it, each session counts as much as the whole test run (sched(7), the autogroup feature), and a fork
// bomb makes a hundred and fifty sessions. Where cgroup2 has the controller, all that tests start counts as one group anyway.
import { accessSync, constants, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { guardCgroup } from '../../bench/demo/pen.mjs'
import { directoryOf, parseCgroupMounts, parseOwnCgroup } from '../../src/linux/mounts.js'
import { loadNative } from '../../src/native/addon.js'
import { eventually } from './eventually.js'

/** Names that cgroup; absent where there is none. */
export const VARIABLE = 'CORRAL_TEST_CPU_SHARE'
// Half of what a session of setsid(2) has
const SHARES = '512'
const ENTER = 'echo 0 >"$0/cgroup.procs" && exec "$@"'

interface Command {
  command: string
  args: string[]
}

/** The cpu cgroup of this process, if it may make others below. */
function findOwn(): string | undefined {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'), 'cpu')
  const mount = mounts.find(({ writable }) => writable)
  const name = parseOwnCgroup(readFileSync('/proc/self/cgroup', 'utf8'), 'cpu')
  const own = mount && name !== undefined ? directoryOf(mount, name) : undefined
  try {
    if (own !== undefined) accessSync(own, constants.W_OK)
    return own
  } catch {
    return undefined
  }
}

/** vitest calls it before all tests, and what it returns after them. */
export default function setup(): (() => Promise<unknown>) | undefined {
  const parent = findOwn()
  if (parent === undefined) return undefined
  const own = mkdtempSync(join(parent, 'corral-test-'))
  writeFileSync(join(own, 'cpu.shares'), SHARES)
  process.env[VARIABLE] = own
  const guard = guardCgroup(own)
  // Who was killed at the end may still be on its way out
  return () =>
    eventually(`nobody is in ${own}`, () => loadNative().removeEmpty(own), {
      instead: () => readFileSync(join(own, 'cgroup.procs'), 'utf8'),
    }).then(() => guard.end())
}

/** The same program, in there from its first instruction on; as it is where there is no such group. */
export function withShare({ command, args }: Command): Command {
  const group = process.env[VARIABLE]
  return group === undefined
    ? { command, args }
    : { command: '/bin/sh', args: ['-c', ENTER, group, command, ...args] }
}
