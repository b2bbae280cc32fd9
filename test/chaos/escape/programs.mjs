// The programs that try to outlive their session, one file each in payloads/, and what is known of each. Plain data and
// no types, because the bench reads it too.
import { existsSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * hidden     processes beside the leader once all are in place; absent where the number is not known, or never stands
 *            still
 * afterTerm  processes, with a leader that stays, that are left some time after each got SIGTERM and SIGCONT; absent
 *            where that takes its time, or is a matter of chance
 * makesGroups  in the group that it runs in: two of it need one each
 * bomb       goes on forking as fast as it can
 * hungry     takes all processors that it gets: tests give it a share
 * freezes    the group that it runs in, once it has said "hidden"
 * crowds     the machine: two of it at once would measure the scheduler
 * by         what runs it, where its name does not tell
 */

/** Those that other kernels and hosts have, where each process takes its time. */
export const basicPrograms = {
  'a hundred processes': { file: 'hundred.c', hidden: 100, afterTerm: 0 },
  'groups of its own, three deep': { file: 'nested-groups.c', makesGroups: true, hidden: 3, afterTerm: 0 },
  'a fork bomb': { file: 'fork-bomb.c', bomb: true, hungry: true },
  'a process in a frozen group': { file: 'frozen-child.c', makesGroups: true, hidden: 1, afterTerm: 1 },
  'a group that froze itself': { file: 'frozen-whole.c', hidden: 1, afterTerm: 2, freezes: true },
  'threaded groups': { file: 'threaded-groups.c', makesGroups: true, hidden: 2, afterTerm: 0 },
  'groups that come and go': { file: 'churning-groups.c', makesGroups: true, hidden: 2, afterTerm: 0 },
  'stopped processes': { file: 'stopped.c', hidden: 10, afterTerm: 0 },
  'processes that ignore SIGTERM': { file: 'term-immune.sh', hidden: 2, afterTerm: 3 },
  'daemons of two forks': { file: 'daemon.c', hidden: 3, afterTerm: 0 },
  'children that the leader forgets': { file: 'orphans.sh', hidden: 3, afterTerm: 0 },
  'processes that fork anew on SIGTERM': { file: 'term-forker.c', hidden: 3, afterTerm: 4 },
  'a group without permissions': { file: 'shut-group.c', makesGroups: true, hidden: 1, afterTerm: 0 },
  'a process that holds stdout open': { file: 'stdout-holder.mjs', hidden: 1, afterTerm: 0 },
  'a process that always forks and ends': { file: 'refork.c', hungry: true },
  'threads of a zombie': { file: 'dead-leader-thread.c', hidden: 1, afterTerm: 0 },
}

export const programs = {
  ...basicPrograms,
  'processes in sessions of their own': { file: 'own-sessions.sh', hidden: 2, afterTerm: 0 },
  'processes of nohup': { file: 'nohup.sh', hidden: 2, afterTerm: 0 },
  'orphaned grandchildren': { file: 'grandchildren.sh', hidden: 2, afterTerm: 0 },
  'daemons of libc': { file: 'libc-daemon.c', hidden: 2, afterTerm: 0 },
  'a process that another one traces': { file: 'traced.c', hidden: 2, afterTerm: 0 },
  'a subreaper and its orphans': { file: 'subreaper.c', hidden: 3, afterTerm: 0 },
  'a pid namespace': { file: 'pid-namespace.c', hidden: 2, afterTerm: 1 },
  'a mount namespace': { file: 'mount-namespace.c', hidden: 1, afterTerm: 0 },
  'a chain of vforks': { file: 'vfork-chain.c', hidden: 4, afterTerm: 0 },
  'brothers of the leader': { file: 'clone-parent.c', hidden: 2, afterTerm: 0 },
  'a gigabyte of dirty memory': { file: 'memory-hog.c', hidden: 1, hungry: true },
  'five thousand processes': { file: 'five-thousand.c', crowds: true, hungry: true },
  'processes under a false name': { file: 'renamed.c', hidden: 2, afterTerm: 0 },
  'processes without descriptors': { file: 'mute.c', hidden: 1, afterTerm: 0 },
  'a terminal server': { file: 'terminal-server.c', hidden: 2, afterTerm: 0 },
  'a process of another user': { file: 'other-user.c', hidden: 1, afterTerm: 0 },
  'a process group without its head': { file: 'headless-group.c', hidden: 2, afterTerm: 0 },
  'a read in flight in io_uring': { file: 'io-uring.c', hidden: 1, afterTerm: 0 },
  'two that start each other anew': { file: 'mutual-guards.c', hidden: 2 },
  'a chain of npx': { file: 'npx-tool.mjs', by: 'npx' },
  'an MCP server with a daemon': { file: 'mcp-server.mjs', hidden: 2, afterTerm: 2 },
  'mounts that only it sees': { file: 'own-mounts.c', hidden: 1, afterTerm: 0 },
  'groups below mounts': { file: 'covered-groups.c', makesGroups: true, hidden: 1, afterTerm: 0 },
  'a group of its own made threaded': {
    file: 'threaded-own.c',
    makesGroups: true,
    hidden: 1,
    afterTerm: 0,
  },
  'a thousand groups in one another': { file: 'deep-chain.c', makesGroups: true, hidden: 1, afterTerm: 0 },
  'a path longer than PATH_MAX': { file: 'long-path.c', makesGroups: true, hidden: 1, afterTerm: 0 },
  'a way to it that is shut': { file: 'shut-way.c', hidden: 1, afterTerm: 0 },
  'an exec that hangs': { file: 'hung-exec.c', hidden: 3, afterTerm: 0 },
  'a daemon of Python': { file: 'python-daemon.py', hidden: 2, afterTerm: 1 },
}

const payloads = fileURLToPath(new URL('./payloads/', import.meta.url))
const scratch = fileURLToPath(new URL('../../../build/test/escape/npx/', import.meta.url))

const runners = {
  c: async (source, compile) => [await compile(source)],
  sh: (source) => ['/bin/sh', source],
  mjs: (source) => [process.execPath, source],
  py: (source) => ['python3', source],
  npx: (source) => ['npx', ...npxArguments(source)],
}

/** The command line of a program, whose leader is told to `stay` or to `leave`. `compile` resolves with what it made of C. */
export async function commandLine({ file, by = file.split('.').at(-1) }, leader, compile) {
  const [command, ...args] = await runners[by](join(payloads, file), compile)
  return { command, args: [...args, leader] }
}

/** A package that has the tool among its own: nothing is fetched, and nothing written outside of build/. */
function npxArguments(source) {
  const tool = basename(source, '.mjs')
  const tools = join(scratch, 'node_modules', '.bin')
  mkdirSync(tools, { recursive: true })
  link(source, join(tools, tool))
  return ['--offline', '--no', '--logs-max=0', `--cache=${join(scratch, 'cache')}`, '--prefix', scratch, tool]
}

// Also in the place of one that a checkout has left there in which the tool was elsewhere
function link(target, path) {
  if (existsSync(path) && readlinkSync(path) === target) return
  const fresh = `${path}.${process.pid}`
  symlinkSync(target, fresh)
  renameSync(fresh, path)
}
