// What Node changes before any of our code runs, as the launcher noted it before that (launch.sh): Node marks inherited
// descriptors close-on-exec, ignores and blocks no signals but its own, raises the soft limit on open files, and takes some
// variables for itself that are meant for the command.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { isSystemError } from '../common/errors.js'

const NOTE = 'CORRAL_LAUNCHED'

export interface Launched {
  /** As SigIgn and SigBlk of proc_pid_status(5): bit N - 1 of these hexadecimal digits is signal N. */
  ignored: string
  blocked: string
  /** The soft RLIMIT_NOFILE; undefined where there is none. */
  openFiles?: string
  /** Descriptors above stdio. */
  descriptors: number[]
}

let launched: Launched | undefined
let guessed: number[] = []

function takeNote(env: NodeJS.ProcessEnv): Launched | undefined {
  const [ignored, blocked, limit, ...descriptors] = env[NOTE]?.split(' ') ?? []
  for (const name of Object.keys(env).filter((each) => each.startsWith(`${NOTE}_`))) {
    env[name.slice(NOTE.length + 1)] = env[name]
    delete env[name]
  }
  delete env[NOTE]
  if (!ignored || !blocked) return undefined
  return {
    ignored,
    blocked,
    ...(limit !== undefined && /^\d+$/.test(limit) && { openFiles: limit }),
    descriptors: descriptors.map(Number),
  }
}

/**
 * Takes what the launcher noted, and gives the environment what it put aside: before anything else is read or opened. Without the
 * launcher descriptors are guessed, where they are for a command.
 */
export function takeLaunch({ guesses }: { guesses: boolean }, env: NodeJS.ProcessEnv = process.env): void {
  launched = takeNote(env)
  if (launched === undefined && guesses) guessed = guessDescriptors(env)
}

/** What is known of that. Of what Node itself was started with, without the launcher, only the descriptors, and these by guess. */
export function asLaunched(): Launched {
  return launched ?? { ignored: '0', blocked: '0', descriptors: guessed }
}

interface Descriptor {
  name: string
  link: string
  /** As of proc_pid_fdinfo(5): the last digit is the access mode. */
  flags: string
}

/** Undefined for that of the listing, which is closed. */
function look(name: string): Descriptor | undefined {
  try {
    const link = readlinkSync(`/proc/self/fd/${name}`)
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1] ?? ''
    return { name, link, flags }
  } catch (error) {
    if (isSystemError(error)) return undefined
    throw error
  }
}

/**
 * The open descriptors that Node has not made for itself at its start: polls, counters, pipes of which it has both ends. GNU make
 * hands down both ends of one, and says so. An inspector has sockets: then none is taken for inherited.
 */
function guessDescriptors({ MAKEFLAGS = '', NODE_OPTIONS = '' }: NodeJS.ProcessEnv): number[] {
  if ([...process.execArgv, NODE_OPTIONS].some((text) => text.includes('--inspect'))) return []
  const jobserver = /--jobserver-(?:auth|fds)=(\d+),(\d+)/.exec(MAKEFLAGS)?.slice(1) ?? []
  if (!existsSync('/proc/self/fd')) return [] // without /proc nothing is started: loadNative() says so
  const open = readdirSync('/proc/self/fd').flatMap((name) => look(name) ?? [])
  const otherEnd = ({ link, flags }: Descriptor) =>
    open.some((one) => one.link === link && one.flags.at(-1) !== flags.at(-1))
  const isNodes = (one: Descriptor) =>
    one.link.startsWith('anon_inode:') || (one.link.startsWith('pipe:') && otherEnd(one))
  const inherited = open.filter((one) => jobserver.includes(one.name) || !isNodes(one))
  return inherited.map(({ name }) => Number(name)).filter((descriptor) => descriptor > 2)
}

/**
 * The words as bytes where they are the last ones of our own command line: process.argv has what is no UTF-8 replaced. Else as
 * they are.
 */
export function asGiven(words: readonly string[]): readonly (string | Buffer)[] {
  const own = process.argv.slice(-words.length)
  const same = own.length === words.length && own.every((word, index) => word === words[index])
  return same ? ownCommandLine().slice(-words.length) : words
}

function ownCommandLine(): Buffer[] {
  const words: Buffer[] = []
  const text = readFileSync('/proc/self/cmdline')
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf(0, from)
    words.push(text.subarray(from, end))
    from = end + 1
  }
  return words
}
