// Loads the addon and types it. Nothing else in src/ knows that there is one.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  isSystemError,
  NativeMismatchError,
  NativeMissingError,
  UnsupportedPlatformError,
} from '../common/errors.js'

export interface NativeExit {
  /** -1 when a signal ended it. */
  code: number
  /** 0 when it exited by itself. */
  signal: number
}

export interface NativeEndPlan {
  /** How long those may take at most that end by themselves: native/core/calm.h. */
  drainMs?: number
  graceMs: number
  /** 0: SIGTERM. */
  stopSignal?: number
  killMs: number
  /** Kill as on kernels without cgroup.kill, also where there is one. */
  freeze: boolean
  /** Take the directory away afterwards, with all below it; what lives there again is killed again. */
  remove?: boolean
  /** Names of files to read once it is empty. */
  read?: string[]
  /** End what was started in the group and has been moved out of it, too: native/core/outside.h. */
  outside?: boolean
  /** For that: the pidfd of the group's first process, as long as it runs. */
  leader?: number
  /** The descriptor of a claim() that is to tell how many are killed. */
  claim?: number
  /** announceEnd() was called for it. */
  announced?: boolean
}

/** What is known of a session that has ended, for native/core/record.h; the rest is null in its line. */
export interface NativeRecord {
  writer: string
  mechanism: string
  instance: string
  reason: string
  id?: string
  key?: string
  parentKey?: string | undefined
  command?: string
  commandLine?: string
  startedAt?: number
  exitCode?: number | null
  signal?: string | null
  killed?: number | undefined
  killedNames?: string[] | undefined
  cpuUserUs?: number | undefined
  cpuSystemUs?: number | undefined
  memoryPeakBytes?: number | undefined
}

export interface NativeEnded {
  empty: boolean
  /** Processes alive when the killing began. */
  killed: number
  /** The names of the first of them. */
  names: string[]
  /** Who is left, when not empty. */
  left: number[]
  /** The texts of the files that were asked for; '' for one that is not there. */
  counters: string[]
  /** The first of those that were started in the group and found outside. */
  moved: { pid: number; name: string; cgroup: string }[]
  /** Why it could not be looked who is outside: an errno. Absent where it was, or was not to be. */
  unseen?: number
}

/** One directory of `<root>/corral`, as native/core/instance.h judges it. */
export interface NativeInstance {
  name: string
  /** `ending`: dead, and its guard or a sweep collects it. `foreign`: not made by Corral, or of another user. */
  state: 'live' | 'ending' | 'dead' | 'foreign'
  /** Of a dead one: a descriptor, to be closed. */
  lock: number
  /** Of a foreign one: how that is known. */
  why: string
}

/** What one session without cgroups has lost. */
export interface Lost {
  mark: number
  /** The pid that its reaper had. */
  reaper: number
  /** How many bear the mark. */
  processes: number
}

/** One message of a keeper or reaper: src/native/language.ts has the kinds, and what each of them carries. */
export interface NativeMessage {
  kind: number
  id: number
  /** By kind: src/native/language.ts. */
  values: [number, number]
  killed: number
  names: string[]
  left: number[]
  cpuUserMs: number
  cpuSystemMs: number
  /** Descriptors, which are the receiver's to close. */
  fds: number[]
  /** As of a failure here. */
  error?: Error
}

export interface ControllerPath {
  top: string
  files: readonly string[]
}

/** What the addon was built from, by what and for what. */
export interface NativeBuild {
  /** Of the package that it was built from. */
  version: string
  /** `source`: built where it was installed. */
  kind: 'source' | 'prebuilt'
  compiler: string
  libc: string
  cpu: string
  /** The version of Node-API that it asks for. */
  napi: number
}

/** What this kernel, behind the seccomp filter that we are under, lets a process do. */
export interface NativeFeatures {
  /** clone3(2) with CLONE_INTO_CGROUP. */
  cloneIntoCgroup: boolean
  /** What was cloned into a cgroup was killed before its first instruction, as our own cgroup was killed once (native/core/unborn.h). */
  clonesDied: boolean
  /** pidfd_open(2). */
  pidfd: boolean
  /** /proc lists the children of a thread. */
  children: boolean
}

export type NativeStarted = [pid: number, pidfd: number, createdInPlace: boolean, ...fds: number[]]

/** All failures are Errors with `errno`, `syscall` and, where there is one, `path`. */
export interface Native {
  build(): NativeBuild
  features(): NativeFeatures
  /** Whether the pids in /proc are those of this pid namespace. */
  ownsProc(): boolean
  /**
   * The plan is what packPlan() makes; `started` gives pid, pidfd, createdInPlace and the descriptors (-1: none). A plan
   * with an empty command makes its group only.
   */
  spawn(plan: string): { id: number; started: Promise<NativeStarted>; exited: Promise<NativeExit> }
  /**
   * Kills the child of a start that is not over: `started` rejects with that errno and with what the child was at, when the
   * child is gone or, with `abandon`, now.
   */
  cancelSpawn(id: number, errno: number, abandon: boolean): void
  /**
   * Opens a root, so that all below it is reached from there and not by its name, in every call that takes a path; once for
   * each user of it. EINVAL where it is no cgroup2 directory. A group that spawn() makes is held open until it is removed.
   */
  holdRoot(root: string): void
  releaseRoot(root: string): void
  /** The descriptor of a root, an instance or a group that is held open, or -1. It stays the addon's. */
  heldFd(path: string): number
  /** Whether a cgroup is no more, as its descriptor says. */
  isGone(path: string): boolean
  /** Whether there is such a file or directory, where it can be reached. */
  exists(path: string): boolean
  /** A cgroup's id, in digits: no later one of that path has it. */
  idOf(path: string): string
  readText(file: string): string
  writeText(file: string, text: string): void
  makeDirectory(path: string): void
  /** Whether the directory is gone; false where something is in it. */
  removeEmpty(path: string): boolean
  /** The names of the directories in one; none where it is gone. */
  directories(path: string): string[]
  /** Removes a directory and all below it, by rmdir alone: false where a process lives in there. */
  removeTree(path: string): Promise<boolean>
  /** One ending more (1) or fewer (-1) that is to look outside: so that those that are begun together share their passes. */
  announceEnd(more: 1 | -1): void
  /** Whether what is started in a cgroup can be marked (native/core/mark.h). */
  canMark(): boolean
  /** 0 where sessions can bear marks as login uids: from now on they are read, too. Else an errno. */
  useLoginMarks(): number
  /** From now on they are read, too, up to as many calls of leaveLoginMarks(): a pass takes five times as long. */
  readLoginMarks(): void
  leaveLoginMarks(): void
  /** How many passes over all processes the endings of this environment have made, which share them. */
  passes(): number
  endGroup(path: string, plan: NativeEndPlan): Promise<NativeEnded>
  /** The line of a ledger; of a group with its id and what it has used, where one is given. */
  recordSession(group: string, known: NativeRecord & { memoryGroup?: string | undefined }): Promise<string>
  /** Notes in labels who lives in the sessions below a directory, for their lines: they are about to be killed. */
  noteMembers(sessions: string): Promise<void>
  /** The lines of all sessions below a directory of an instance. `args`: with the arguments of their commands. */
  recordSessions(sessions: string, instance: string, known: NativeRecord & { args: boolean }): Promise<string>
  /** Settles when the lines are written, or refused, which may take as long as the file system does. Does not keep the event loop alive. */
  appendToLedger(path: string, lines: string): Promise<void>
  members(path: string): number[]
  /**
   * All families below a directory, read in one go. Rows of `4 + labels + files` fields, each ended by a NUL: depth, name,
   * milliseconds since the epoch at which the leaf was made, number of processes in it and below, its labels, its files;
   * all but the first two are '' where there is no leaf, and one below has. Parents come first. A source without `top` is the leaf itself,
   * one with it the same leaf below that.
   */
  survey(
    directory: string,
    leaf: string,
    labels: readonly string[],
    sources: readonly ControllerPath[],
  ): Promise<string>
  /**
   * A pidfd of the process that comes into an empty group first, through `corral-warden enter`, which waits until it was seen:
   * so nothing that the session says or does bears on this. Undefined when the group is gone, or is empty again after one that
   * lives where this process sees none (pid_namespaces(7)).
   */
  first(group: string): Promise<number | undefined>
  /**
   * The memory that the processes of a group use, in bytes; 0 when it is gone. Proportional sizes, which cost more, are
   * only asked for where the resident ones add up to `enough`; below that it is rough, and never too little.
   */
  memoryUsed(group: string, enough: number): Promise<number>
  /**
   * Waits until the trigger (`some STALL_US WINDOW_US`, psi.rst) on a file of a group, such as memory.pressure, is met,
   * once. False when the group is gone before, or has no such file.
   */
  pressure(group: string, file: string, trigger: string): Promise<boolean>
  /** Waits until the kernel has killed in a v1 memory cgroup because memory ran out, once. False when it is gone before. */
  outOfMemory(memoryGroup: string): Promise<boolean>
  /** A lifeline: our end, which closes at the latest with this environment, and the other, to be passed on and closed. */
  openLink(): [link: number, other: number]
  /**
   * A lifeline to a reaper, which is woken, by its door, and the reaper's pid and user. Only to one of this user, or as root: EPERM;
   * ECONNREFUSED: it is gone.
   */
  enterDoor(name: string): [link: number, pid: number, uid: number]
  /** A descriptor of a file with this text, which is sealed; to be closed. */
  textFile(text: string): number
  /** The text of such a file; undefined for any other, and one that is longer than 1 MiB. Never waits. */
  textOf(fd: number): string | undefined
  /** Sends a message, with a descriptor or -1; never waits. */
  send(link: number, kind: number, id: number, first: number, second: number, fd: number): void
  /** Asks a reaper for a process, by what packPlan() makes; gives our ends of its stdio (-1: none). Never waits. */
  sendSpawn(link: number, id: number, plan: string): number[]
  /** The next message; undefined when the other side has ended. Does not keep the event loop alive. */
  receive(link: number): Promise<NativeMessage | undefined>
  /** Ends a link: receive() then tells of its end, and after that it is to be dropped. */
  hangUp(link: number): void
  dropLink(link: number): void
  /** Listens in a directory of ours alone (EPERM: it is not) and tells children what to become: native/core/admission.h. */
  openAdmission(directory: string): number
  /** What this child is told when it asks. E2BIG: more than 64 KiB. */
  admit(admission: number, pid: number, text: string): void
  forget(admission: number, pid: number): void
  closeAdmission(admission: number): void
  /**
   * What the gateway, our parent, has this process become; blocks until it says so. ESRCH: it has ended; ENOENT, ECONNREFUSED:
   * it has closed; EPERM: the directory, or who listens there, is not its.
   */
  askAdmission(directory: string, gateway: number): string
  /** As memoryUsed(), of the descendants of a process. */
  memoryBelow(pid: number, enough: number): Promise<number>
  /** The living descendants of a process; one that comes or goes at this moment may be missed. */
  descendants(pid: number): number[]
  /** What sessions without cgroups have lost whose reapers are gone, by their marks (native/core/mark.h). */
  findLost(): Promise<Lost[]>
  /** Kills all processes with a mark, until there is none or the time is over: then it is not `empty`, and `left` has those that were seen. */
  endMarked(
    mark: number,
    killMs: number,
  ): Promise<{ empty: boolean; killed: number; names: string[]; left: number[] }>
  /** What they use; CPU time with that of all that the process has reaped. */
  usageBelow(pid: number): { pids: number; memoryBytes: number; cpuUserMs: number; cpuSystemMs: number }
  /**
   * Makes `<root>/corral/<name>`, labels it, and gives the descriptor that holds its lock; `undefined` while a sweeper
   * has it, which took it for a dead one before it was locked.
   */
  makeInstance(root: string, name: string, command: string): number | undefined
  /** Removes `<root>/corral` where nothing is left in it: a creator that finds it gone makes it anew. */
  removeInstancesDirectory(root: string): void
  /** All directories of `<root>/corral`, with the locks of the dead; none where there is none. */
  instances(root: string): NativeInstance[]
  /**
   * A descriptor of an instance's directory, which holds its lock unless a stranger does, where the owner is dead;
   * `undefined` where the owner lives. ENOENT also when it just went.
   */
  lock(directory: string): number | undefined
  /** The descriptor that holds a record lock (fcntl(2)) for reading on a file. */
  claim(file: string): number
  /** Closes what spawn(), lock(), claim() and openProcess() gave. */
  close(fd: number): void
  /** A pidfd, or `undefined` where there is no such process. EINVAL for what is a thread of one. */
  openProcess(pid: number): number | undefined
  /**
   * Whether the process, which need not be a child of ours, has ended within that time; reaped or not, which it is not
   * here. Without a time it waits for ever, and does not keep the event loop alive.
   */
  waitForExit(pidfd: number, withinMs?: number): Promise<boolean>
  /** Reaps a process that has ended, where it is a child of ours: where we are init, those that lost their parent come to us. */
  reap(pidfd: number): void
  /** False when the process has ended. */
  signal(pidfd: number, signal: number): boolean
  setLabel(directory: string, name: string, value: string): void
  /** The v1 memory cgroup that an instance's label names; undefined where none is believed: native/core/memory_v1.h. */
  v1Path(instance: string): string | undefined
  getLabel(directory: string, name: string): string | undefined
  /**
   * What this process gives its children, for `inherited` of a plan (native/core/attributes.h), but for its soft limit on
   * open files, where that is given.
   */
  attributes(openFiles?: number): string
  /** A descriptor from which this text can be read, once. */
  pipeOf(text: string): number
  /**
   * This process becomes `program`: same pid, environment and standard descriptors. It gets these further descriptors, too.
   * Comes back only to throw.
   */
  execute(program: string, argv: readonly string[], descriptors?: readonly number[]): never
  /** Counted; the event loop stays alive while there is one more ref() than unref(). */
  ref(): void
  unref(): void
}

const HOW_TO_BUILD =
  'Install the package again, which has an addon for each CPU in prebuilds/, and leave it out of bundles (external), or set CORRAL_ADDON. ' +
  'To build one, run `npx corral build`, which needs a C and C++ compiler, make and CMake ' +
  '(Debian: apt-get install g++ make cmake), and says which packages it needs'

/** Undefined where a bundler has made CommonJS of this, which has no import.meta.url: there is CORRAL_ADDON alone then. */
const here: string | undefined = import.meta.url
let loaded: Native | undefined

/**
 * The addon, loaded at the first call.
 * @throws UnsupportedPlatformError anywhere but on Linux, x64 or arm64, and without a /proc of this pid namespace.
 * @throws NativeMissingError when there is no addon for this Node, with what to run.
 * @throws NativeMismatchError when it is of another version than the package.
 */
export function loadNative(): Native {
  loaded ??= load()
  return loaded
}

/** Whether there are addons for this system and CPU. */
export function isSupportedPlatform(): boolean {
  return process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')
}

function load(): Native {
  if (!isSupportedPlatform())
    throw new UnsupportedPlatformError(
      `corral needs Linux on x64 or arm64, and this is ${process.platform} ${process.arch}`,
      {
        hint: "Use openCorral({ unsupported: 'passthrough' }) for plain child processes, which nothing holds",
      },
    )
  let native: Native
  try {
    // Not by require(), in which bundlers would see a module to find
    const module = { exports: {} }
    process.dlopen(module, path.resolve(addonPath()))
    native = module.exports as Native
  } catch (cause) {
    const where = process.env['CORRAL_ADDON'] ?? ownPackage()?.directory ?? 'a bundle without CORRAL_ADDON'
    throw new NativeMissingError(`cannot load the native addon of corral from ${where}`, {
      hint: HOW_TO_BUILD,
      cause,
    })
  }
  assertSameVersion(native)
  assertOwnProc(native)
  return native
}

/** By the pids of another namespace, others would be taken for dead, or for what a session has left. */
function assertOwnProc(native: Native): void {
  if (native.ownsProc()) return
  throw new UnsupportedPlatformError(
    'corral looks for processes in /proc, and that is not mounted here, or is that of another pid namespace',
    {
      hint: 'Mount one (`mount -t proc proc /proc`), or start this with one: `unshare --mount-proc`, `bwrap --proc /proc`',
    },
  )
}

/** What was left from another version may lack what is called here, or take it otherwise. */
function assertSameVersion(native: Partial<Native>): void {
  const expected = packageVersion()
  const built = native.build?.().version ?? 'an earlier one'
  if (expected === undefined || built === expected) return
  throw new NativeMismatchError(
    `the native addon ${addonPath()} has version ${built}, but the package has ${expected}`,
    { hint: 'Run `npx corral build`, and leave CORRAL_ADDON unset' },
  )
}

interface Package {
  directory: string
  version: string
}

let found: Package | undefined

/** The package that has this code. Undefined where that is another's: there it has been bundled into something else. */
function ownPackage(): Package | undefined {
  found ??= findPackage()
  return found
}

function findPackage(): Package | undefined {
  if (here === undefined) return undefined
  for (let directory = path.dirname(fileURLToPath(here)); ; directory = path.dirname(directory)) {
    const { name, version } = manifestIn(directory)
    if (name === 'corral') return { directory, version: version ?? '' }
    if (name !== undefined || directory === path.dirname(directory)) return undefined
  }
}

/** Empty where there is none. dist/cli has one that only tells what its modules are. */
function manifestIn(directory: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'))
  } catch (error) {
    if (isSystemError(error)) return {}
    throw error
  }
}

/** Undefined where this code has been bundled into something else. */
export function packageVersion(): string | undefined {
  return ownPackage()?.version
}

/** Where the package is installed. @throws Error where this code has been bundled into something else */
export function packageDirectory(): string {
  const own = ownPackage()
  if (own === undefined) throw new Error('cannot locate the corral package (bundled?): set CORRAL_ADDON')
  return own.directory
}

/** Where the addon is, or would be. */
export function addonPath(): string {
  const other = process.env['CORRAL_ADDON'] // another build of it, such as one with sanitizers; a copy, for a bundle
  if (other !== undefined) return other
  const packageRoot = packageDirectory()
  // One that was built here goes first: it was built on purpose
  const here = ['build/Release', `prebuilds/linux-${process.arch}`]
    .map((directory) => path.join(packageRoot, directory, 'corral.node'))
    .find((file) => existsSync(file))
  if (here !== undefined) return here
  const bindings = createRequire(path.join(packageRoot, 'package.json'))('bindings') as (
    options: object,
  ) => string
  return bindings({ bindings: 'corral', module_root: packageRoot, path: true })
}

/** The path of corral-warden, the native program that guards, supervises and enters: it is built beside the addon. */
export function wardenPath(): string {
  return path.join(path.dirname(addonPath()), 'corral-warden')
}
