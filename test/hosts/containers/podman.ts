// A container of podman's with a gateway in it, on a file system that is made of this guest's own.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Diagnosis } from '../../../src/doctor/doctor.js'
import type { AppliedLimit, Usage } from '../../../src/index.js'
import { eventually } from '../../support/eventually.js'
import { BEHAVIOUR } from '../behaved.js'
import { readTold } from '../told.js'

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const GATEWAY = file('./fixtures/gateway.mjs')
const CHECKOUT = process.cwd()
// test/vm/tree.sh makes him
const TESTER = { name: 'tester', uid: 2000 }

/** Whose containers: root's, or those of a user, rootless. */
export type Owner = 'root' | 'user'

export interface Facts {
  diagnosis: Diagnosis
  /** What `corral doctor` prints. */
  doctor: string
  /** What openCorral() rejected with; what follows is absent then. */
  error?: { code: string; message: string }
  root?: string
  backend: string
  hog: { limit: AppliedLimit; reason: string; of: string; usage: Usage }
  createdInPlace: boolean
}

interface Command {
  program: string
  args: readonly string[]
  withinMs: number
  /** Where it tells; else that goes with the container. */
  told?: string
}

export interface Container extends AsyncDisposable {
  facts: Facts
  /** By which the gateway and its daemons can be told from other processes of the guest. */
  mark: string
  /** Sends a signal to the gateway, which is not the container's first process. */
  signal(signal: NodeJS.Signals): Promise<void>
}

const own = (owner: Owner, path: string) =>
  owner === 'user' ? chown(path, TESTER.uid, TESTER.uid) : Promise.resolve()

function commandLine(owner: Owner, words: string[]): [command: string, ...args: string[]] {
  if (owner === 'root') return ['podman', ...words]
  return ['systemd-run', '--quiet', '--user', '-M', `${TESTER.name}@`, '--wait', '--pipe', 'podman', ...words]
}

/** Starts podman, with its output in a file: what it leaves running would hold a pipe open. */
async function start(owner: Owner, log: string, words: string[]): Promise<ChildProcess> {
  const output = await open(log, 'a')
  const [command, ...args] = commandLine(owner, words)
  const child = spawn(command, args, { stdio: ['ignore', output.fd, output.fd] })
  await once(child, 'spawn')
  await output.close()
  return child
}

/** Removes a container, whether or not it came to be; its `podman run` ends with it. */
async function remove(
  owner: Owner,
  log: string,
  name: string,
  runs: ChildProcess | undefined,
): Promise<void> {
  const ended = runs && runs.exitCode === null ? once(runs, 'exit') : undefined
  const removing = await start(owner, log, ['rm', '--force', '--ignore', '--time', '0', name])
  const [status] = (await once(removing, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`${name} cannot be removed: ${await readFile(log, 'utf8')}`)
  await ended
}

/** What a container needs of a root directory; /usr and the checkout are mounted into it. */
async function makeRoot(owner: Owner, root: string): Promise<void> {
  for (const name of ['', 'proc', 'sys', 'dev', 'tmp', 'run', 'etc', 'usr', 'var', 'facts'])
    await mkdir(join(root, name))
  await chmod(join(root, 'tmp'), 0o1777)
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name))
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nsomebody:x:1000:1000::/:/bin/sh\n')
  for (const name of ['', ...(await readdir(root)).filter((entry) => !/^(?:s?bin|lib(?:64)?)$/.test(entry))])
    await own(owner, join(root, name))
}

// Whose command lines hold that of the gateway
const STARTERS = ['podman', 'systemd-run']

/** The processes of the guest, in containers too, that have `mark` as a word of their command line. */
export async function marked(mark: string): Promise<{ pid: number; words: string[] }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return { pid: Number(pid), words: line.split('\0') }
    }),
  )
  return found.filter(({ words }) => words.includes(mark) && !STARTERS.includes(basename(words[0] ?? '')))
}

interface Running<Answer> extends AsyncDisposable {
  /** What the command has told. */
  answer: Answer
}

/**
 * Starts a container with these options of `podman run`, and in it a command of Node's beside its first process: with a file
 * to tell in as its first argument.
 */
async function startCommand<Answer>(
  owner: Owner,
  options: readonly string[],
  { program, args, withinMs, told: elsewhere }: Command,
): Promise<Running<Answer>> {
  const directory = await mkdtemp('/var/tmp/corral-row-')
  const [root, told] = [join(directory, 'root'), elsewhere ?? join(directory, 'facts')]
  const name = basename(directory)
  const log = join(directory, 'log')
  let runs: ChildProcess | undefined
  const end = async () => {
    await remove(owner, log, name, runs)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await own(owner, directory)
    await makeRoot(owner, root)
    await mkdir(told, { recursive: true })
    await chmod(told, 0o777) // whatever the user is called in the container
    const mounts = ['/usr', CHECKOUT].flatMap((path) => ['--volume', `${path}:${path}:ro`])
    // What it is killed for must not end the container: the gateway is a child of its first process
    const first = [
      'sh',
      '-c',
      '"$@" & sleep 1000000',
      'sh',
      process.execPath,
      program,
      '/facts/told',
      ...args,
    ]
    const common = ['run', '--name', name, '--network=none', '--workdir', CHECKOUT, ...mounts]
    const ofIts = ['--volume', `${told}:/facts`, ...options, '--rootfs', root]
    runs = await start(owner, log, [...common, ...ofIts, ...first])
    const printed = () => readFile(log, 'utf8')
    const answer = await eventually('the command tells', () => readTold<Answer>(join(told, 'told')), {
      withinMs,
      everyMs: 50,
      instead: printed,
    })
    return { answer, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}

/** Starts a container with these options of `podman run`, and in it a gateway beside its first process. */
export async function startContainer(owner: Owner, options: readonly string[]): Promise<Container> {
  const mark = `${randomInt(1e8, 1e9)}`
  const command = { program: GATEWAY, args: [mark], withinMs: 30_000 }
  const running = await startCommand<Facts>(owner, options, command)
  const signal = async (which: NodeJS.Signals) => {
    const gateway = (await marked(mark)).find(({ words }) => words[1] === GATEWAY)
    if (!gateway) throw new Error('the gateway is not there')
    process.kill(gateway.pid, which)
  }
  return {
    facts: running.answer,
    mark,
    signal,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

/** Runs the behaviour tests in a container with these options, to their end. */
export async function behave(
  { owner, options }: { owner: Owner; options: readonly string[] },
  variables: Record<string, string>,
  results: string,
): Promise<void> {
  const told = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  const command = { program: BEHAVIOUR, args: [], withinMs: 240_000, told: results }
  await using _running = await startCommand(owner, [...options, ...told], command)
}
