// What Node changes before any of our code runs, as the launcher noted it before that (launch.sh): Node marks inherited
// descriptors close-on-exec, ignores and blocks no signals but its own, raises the soft limit on open files, and takes some
// variables for itself that are meant for the command.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { isSystemError } from '../common/errors.js'
import type { Native } from '../native/addon.js'

const NOTE = 'CORRAL_LAUNCHED'

export interface Launched {
  /** Signals: bit N - 1 is signal N. */
  ignored: bigint
  blocked: bigint
  /** The soft RLIMIT_NOFILE; undefined where there is none, or it is not known. */
  openFiles?: number
  /** Descriptors above stdio: those that the warden can pass on (native/core/message.h). */
  descriptors: number[]
}

const HIGHEST_DESCRIPTOR = 255
const MOST_DESCRIPTORS = 61

let launched: Launched | undefined
let guessed: number[] = []

function passable(descriptors: number[]): number[] {
  return descriptors
    .filter((one) => one <= HIGHEST_DESCRIPTOR)
    .sort((a, b) => a - b)
    .slice(0, MOST_DESCRIPTORS)
}

function takeNote(env: NodeJS.ProcessEnv): Launched | undefined {
  const [ignored, blocked, limit, ...descriptors] = env[NOTE]?.split(' ') ?? []
  for (const name of Object.keys(env).filter((each) => each.startsWith(`${NOTE}_`))) {
    env[name.slice(NOTE.length + 1)] = env[name]
    delete env[name]
  }
  delete env[NOTE]
  if (!ignored || !blocked) return undefined
  return {
    ignored: BigInt(`0x${ignored}`), // as SigIgn and SigBlk of proc_pid_status(5)
    blocked: BigInt(`0x${blocked}`),
    ...(limit !== undefined && /^\d+$/.test(limit) && { openFiles: Number(limit) }),
    descriptors: passable(descriptors.map(Number)),
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
  return launched ?? { ignored: 0n, blocked: 0n, descriptors: passable(guessed) }
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
 * The words, where they are the last ones of our own command line, with its bytes that are no UTF-8 as the addon reads and
 * writes them: process.argv has these replaced. Else as they are.
 */
export function asGiven(words: readonly string[], native: Native): readonly string[] {
  const own = process.argv.slice(-words.length)
  const same = own.length === words.length && own.every((word, index) => word === words[index])
  if (!same) return words
  return native
    .readText(`/proc/${process.pid}/cmdline`)
    .split('\0')
    .slice(-words.length - 1, -1)
}
