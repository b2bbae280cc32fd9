// The ways to start a program and to end it that escape.mjs compares. Each is { start, close }: `start(cgroup, program)` has
// it run in that cgroup, as { stdout, left, end, place }: `left` resolves when the leader has ended, `end()` when the way
// holds that all is over, and `place` is the cgroup in which a living process is one that it has left.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openCorral } from 'corral'
import { execa } from 'execa'
import treeKill from 'tree-kill'
import { wordsToEnter } from './crun-bundle.mjs'
import { scratchDirectory, writeHostBundle } from './host-bundle.mjs'
import { cgroup2Mount, entering } from './pen.mjs'

/** After SIGTERM, everybody has this long before SIGKILL. */
export const GRACE_MS = 300

const TRIAL_MS = 5000

const ACPX_AGENT = fileURLToPath(new URL('acpx-agent.mjs', import.meta.url))

const run = promisify(execFile)

async function corralWay(pen) {
  const corral = await openCorral({ root: pen.directory('corral') })
  let serial = 0
  return {
    async start(_cgroup, { command, args }, mode) {
      const key = `program-${serial++}`
      const session = await corral.spawn({ key, mode, command, args, stdio: ['ignore', 'pipe', 'ignore'] })
      const left = once(session.process, 'exit')
      return {
        stdout: session.process.stdout,
        left,
        // A oneshot session is being closed already when its leader has ended.
        end: () => (mode === 'oneshot' ? session.closed : session.close({ graceMs: GRACE_MS })),
        place: dirname(session.receipt.path),
      }
    },
    close: () => corral.close({ graceMs: 0 }),
  }
}

/** A child process in a process group of its own; `end(child, left)` ends it. */
function childWay(words, end) {
  return async () => ({
    async start(cgroup, program) {
      const { command, args } = words(program)
      const child = spawn(...entering(cgroup, command, args), {
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const left = once(child, 'exit')
      return { stdout: child.stdout, left, end: () => end(child, left), place: cgroup }
    },
  })
}

const plain = (program) => program
const inside =
  (...words) =>
  ({ command, args }) => ({
    command: words[0],
    args: [...words.slice(1), command, ...args],
  })

/** Whether the leader ends of itself within the grace time. */
async function endsInTime(left) {
  return Promise.race([left.then(() => true), setTimeout(GRACE_MS, false)])
}

async function killChild(child, left) {
  child.kill('SIGTERM')
  if (!(await endsInTime(left))) child.kill('SIGKILL')
  await left
}

// Nobody tells when a process group is empty.
async function killGroup({ pid }, left) {
  const deadline = performance.now() + GRACE_MS
  signalGroup(pid, 'SIGTERM')
  while (performance.now() < deadline && signalGroup(pid, 0)) await setTimeout(1)
  signalGroup(pid, 'SIGKILL')
  await left
}

function signalGroup(pid, signal) {
  try {
    return process.kill(-pid, signal)
  } catch (error) {
    if (error.code === 'ESRCH') return false
    throw error
  }
}

async function killTree({ pid }, left) {
  const kill = promisify(treeKill)
  await kill(pid, 'SIGTERM')
  if (!(await endsInTime(left))) await kill(pid, 'SIGKILL')
  await left
}

async function execaWay() {
  return {
    async start(cgroup, { command, args }) {
      const child = execa(...entering(cgroup, command, args), {
        stdio: ['ignore', 'pipe', 'ignore'],
        buffer: false,
        reject: false,
        cleanup: true,
        forceKillAfterDelay: GRACE_MS,
      })
      const left = once(child, 'exit')
      const end = async () => {
        child.kill()
        await left
      }
      return { stdout: child.stdout, left, end, place: cgroup }
    },
  }
}

// systemd stops a scope as it stops a service: SIGTERM to all, and after a time SIGKILL.
async function scopeWay() {
  const mount = cgroup2Mount()
  let serial = 0
  return {
    async start(_cgroup, { command, args }) {
      const unit = `corral-bench-${process.pid}-${serial++}.scope`
      const options = ['--scope', '--quiet', `--unit=${unit}`, `--property=TimeoutStopSec=${GRACE_MS}ms`]
      const child = spawn('systemd-run', [...options, '--', command, ...args], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const left = once(child, 'exit')
      const end = () => run('systemctl', ['stop', unit]).catch(() => undefined) // one that is over is none
      return { stdout: child.stdout, left, end, place: join(mount, 'system.slice', unit) }
    },
  }
}

// An agent of ours (acpx-agent.mjs) has the program as its child. When it answers the prompt acpx ends it, and so do we.
async function acpxWay() {
  const directory = scratchDirectory()
  const env = { ...process.env, HOME: directory }
  let serial = 0
  return {
    async start(cgroup, { command, args }) {
      const socket = join(directory, `${serial++}.socket`)
      const server = createServer().listen(socket)
      await once(server, 'listening')
      const agent = [process.execPath, ACPX_AGENT, socket, command, ...args].map(quoted).join(' ')
      const words = [
        '--cwd',
        directory,
        '--format',
        'quiet',
        '--approve-all',
        '--agent',
        agent,
        'exec',
        'start',
      ]
      const child = spawn(...entering(cgroup, 'acpx', words), { env, stdio: 'ignore' })
      const exited = once(child, 'exit')
      const [connection] = await Promise.race([once(server, 'connection'), exited.then(() => [])])
      server.close()
      if (connection === undefined) throw new Error('acpx ended before it had started the agent')
      connection.on('error', () => {}) // the agent is killed while it is connected
      const stdout = new PassThrough()
      const left = new Promise((resolve) => {
        createInterface({ input: connection }).on('line', (line) => {
          if (line === 'left') resolve()
          stdout.write(`${line}\n`)
        })
      })
      connection.on('close', () => stdout.end())
      const end = async () => {
        connection.write('end\n')
        await exited
      }
      return { stdout, left, end, place: cgroup }
    },
  }
}

function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

async function crunWay() {
  const directory = scratchDirectory()
  const options = ['--root', join(directory, 'state'), '--cgroup-manager=disabled']
  const enter = wordsToEnter()
  let serial = 0
  const crun = (...args) => {
    const [command, ...words] = [...enter, 'crun', ...options, ...args]
    return run(command, words).catch(() => undefined) // a container that has ended is none
  }
  return {
    async start(cgroup, program) {
      const id = `corral-bench-${process.pid}-${serial++}`
      const bundle = writeHostBundle(join(directory, id), program)
      const [command, ...args] = [...enter, 'crun', ...options, 'run', '--bundle', bundle, id]
      const child = spawn(...entering(cgroup, command, args), { stdio: ['ignore', 'pipe', 'ignore'] })
      const left = once(child, 'exit')
      const end = async () => {
        await crun('kill', id, 'TERM')
        if (!(await endsInTime(left))) await crun('delete', '--force', id)
        await left
      }
      return { stdout: child.stdout, left, end, place: cgroup }
    },
  }
}

const packageVersion = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version

const BWRAP = ['bwrap', '--dev-bind', '/', '/', '--proc', '/proc', '--unshare-pid', '--die-with-parent', '--']

/** Measured in a guest of test/vm where there is none here: results.mjs. */
export const SYSTEMD = 'systemd-run --scope'

/** By name: what it is, how it is opened, and where its version is from. */
const WAYS = {
  Corral: { open: corralWay, what: 'a session in a cgroup; `close()`', version: () => 'this one' },
  'child.kill()': {
    open: childWay(plain, killChild),
    what: 'SIGTERM, then SIGKILL, to the leader',
    version: () => process.version,
  },
  'kill(-pgid)': {
    open: childWay(plain, killGroup),
    what: 'the same, to its process group (`detached: true`)',
    version: () => process.version,
  },
  'tree-kill': {
    open: childWay(plain, killTree),
    what: 'the same, to all that a walk over parent pids finds',
    version: () => packageVersion('tree-kill'),
  },
  execa: {
    open: execaWay,
    what: '`kill()` with `forceKillAfterDelay` and `cleanup`',
    version: () => packageVersion('execa'),
  },
  acpx: {
    open: acpxWay,
    what: 'a client of agents: ends an agent of which the program is a child, when it has answered',
    installed: ['acpx', '--version'],
  },
  'dumb-init': {
    open: childWay(inside('dumb-init', '--'), killChild),
    what: 'passes SIGTERM on to the session of its child',
    installed: ['dumb-init', '--version'],
  },
  'tini -s': {
    open: childWay(inside('tini', '-s', '--'), killChild),
    what: 'passes SIGTERM on to its child, and reaps orphans',
    installed: ['tini', '--version'],
  },
  bwrap: {
    open: childWay(inside(...BWRAP), killChild),
    what: 'a pid namespace: `--unshare-pid --die-with-parent`',
    installed: ['bwrap', '--version'],
  },
  crun: {
    open: crunWay,
    what: 'a container with a pid namespace; `kill`, then `delete --force`',
    installed: ['crun', '--version'],
  },
  [SYSTEMD]: {
    open: scopeWay,
    what: 'a scope, which is a cgroup too; `systemctl stop`',
    installed: ['systemctl', '--version'],
    obstacle: () => (existsSync('/run/systemd/system') ? undefined : 'no systemd runs here'),
  },
}

// They are passed over wherever this runs, and the page says so.
const NOT_COMPARED = {
  runc: 'it has no option to leave cgroups alone, and would make some outside of the pen',
}

/** Those that are there, or `only` one of them, opened, in order; and, by name, why others are not. */
export async function openWays(pen, only) {
  const ways = []
  const missing = { ...NOT_COMPARED }
  for (const [name, { open, what, version, installed, obstacle }] of Object.entries(WAYS)) {
    if (only !== undefined && name !== only) continue
    const found = installed ? await versionOf(installed) : version()
    if (found === undefined) missing[name] = 'it is not installed'
    else if (obstacle?.() !== undefined) missing[name] = obstacle()
    else ways.push({ name, what, version: found, ...(await open(pen)) })
  }
  for (const [name, why] of Object.entries(missing)) console.log(`${name} is passed over: ${why}`)
  if (ways.length === 0) throw new Error(`there is no way '${only}' here`)
  return { ways, missing }
}

async function versionOf([command, ...args]) {
  try {
    const { stdout, stderr } = await run(command, args, { timeout: TRIAL_MS })
    return /\d+(\.\d+)+/.exec(stdout + stderr)?.[0]
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
