// Which directory Corral may build under, and why: DESIGN "Which root". Each candidate is looked at in order, and
// what was found is kept for `corral doctor`.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { failure, isGone, isSystemError, RootError, systemCodeOf } from '../../common/errors.js'
import { readFile } from '../../linux/file.js'
import { findCgroupMounts } from '../../linux/mounts.js'
import type { Native } from '../../native/addon.js'
import { CORRAL, LEAF, MODE_LABEL, SESSIONS, SUPERVISOR } from '../../native/language.js'
import { isCgroup } from './controllers/index.js'
import { enterScope, isKeptBySystemd, scopeDirectories } from './systemd.js'

export type RootKind = 'explicit' | 'session' | 'own-cgroup' | 'mount' | 'systemd'

export interface RootCandidate {
  kind: RootKind
  path: string | undefined
  usable: boolean
  /** Why it was taken or passed over. */
  why: string
}

export interface RootSearch {
  candidates: RootCandidate[]
  /** The first usable one. */
  chosen: RootCandidate | undefined
}

/** Tells of a candidate at that path, or at the one that was `taken` instead. */
const candidateAt =
  (kind: RootKind, directory: string | undefined) =>
  (usable: boolean, why: string, taken = directory): RootCandidate => ({ kind, path: taken, usable, why })

// CGROUP2_SUPER_MAGIC of linux/magic.h
const CGROUP2_MAGIC = 0x63677270

/** The root of the whole hierarchy: the only cgroup without a cgroup.type, and free of the no-internal-process rule. */
function isHierarchyRoot(directory: string): boolean {
  try {
    return statSync(path.join(directory, 'cgroup.type'), { throwIfNoEntry: false }) === undefined
  } catch (error) {
    if (isSystemError(error)) return false // it cannot be reached: what is asked next says so
    throw error
  }
}

function isWritable(directory: string): boolean {
  return whyNotWritable(directory) === undefined
}

/** Why this process cannot build here, in the kernel's words; undefined where it can. */
function whyNotWritable(directory: string): string | undefined {
  try {
    for (const file of ['.', 'cgroup.procs', 'cgroup.subtree_control'])
      accessSync(path.join(directory, file), constants.W_OK)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function checkExplicit(directory: string): RootCandidate {
  const candidate = candidateAt('explicit', directory)
  try {
    if (!statSync(directory).isDirectory()) return candidate(false, 'it is not a directory')
    if (statfsSync(directory).type !== CGROUP2_MAGIC)
      return candidate(false, 'it is not a directory of a cgroup2 file system')
  } catch (error) {
    const missing = isGone(error) || systemCodeOf(error) === 'ENOTDIR'
    return candidate(false, missing ? 'it does not exist' : (error as Error).message)
  }
  const refusal = whyNotWritable(directory)
  if (refusal) return candidate(false, `uid ${process.getuid?.()} may not write in it: ${refusal}`)
  return candidate(true, 'it was given as root and is writable')
}

const isMarked = (directory: string, native: Native): boolean =>
  ['trusted.delegate', 'user.delegate'].some((name) => native.getLabel(directory, name) === '1')

/** Whether a cgroup was delegated: systemd marks it so, and the root of a private namespace is ours anyway. */
function delegation(directory: string, native: Native): string | undefined {
  if (!isWritable(directory)) return undefined
  if (isMarked(directory, native)) return 'systemd marks it as delegated'
  if (process.getuid?.() !== 0) return 'it is writable by this user'
  return undefined
}

// <instance>/sessions/<keys>/agent, below which processes are in a cgroup of their own
const SESSION = new RegExp(`/${CORRAL}/i[0-9a-f]{10}/${SESSIONS}/.+/${LEAF}$`)

/**
 * The session that this process is in, where it is in one: then instances are built below it, under its limits.
 */
function checkSession(native: Native): RootCandidate[] {
  const own = findCgroupMounts().ownDirectory
  if (own === undefined) return []
  for (let at = own; isCgroup(at) && !isMarked(at, native); at = path.dirname(at)) {
    if (!SESSION.test(at) || native.getLabel(at, MODE_LABEL) === undefined) continue
    const candidate = candidateAt('session', at)
    const refusal =
      at === own
        ? 'processes are in the directory itself (a session of release 0.1.0), so it can have no cgroups with controllers'
        : whyNotWritable(at)
    if (refusal) return [candidate(false, `it is the session that this process is in, but ${refusal}`)]
    return [candidate(true, 'it is the session that this process is in')]
  }
  return []
}

function checkOwn(native: Native): RootCandidate {
  const cgroup = findCgroupMounts()
  const directory = cgroup.ownDirectory
  const candidate = candidateAt('own-cgroup', directory)
  if (directory === undefined)
    return candidate(false, 'no mounted cgroup2 file system shows the cgroup of this process')
  if (isHierarchyRoot(directory))
    return candidate(false, 'this process is in the root of the hierarchy, which is not delegated')
  // The gateway, moved (by us at an earlier start, or by systemd) to the child that is for it
  if (path.basename(directory) === SUPERVISOR) {
    const parent = path.dirname(directory)
    const given = delegation(parent, native)
    if (given) return candidate(true, `the gateway is in its ${SUPERVISOR}/ child, and ${given}`, parent)
  }
  const given = delegation(directory, native)
  if (given) return candidate(true, given)
  if (cgroup.own === '/' && isWritable(directory))
    return candidate(true, 'it is the writable root of a private cgroup namespace')
  return candidate(
    false,
    isWritable(directory) ? 'it is writable, but not marked as delegated' : 'it is not writable',
  )
}

function checkMount(): RootCandidate {
  const mount = findCgroupMounts().mounts.find((candidate) => candidate.writable)
  const candidate = candidateAt('mount', mount?.point)
  if (!mount) return candidate(false, 'no cgroup2 file system is mounted writable')
  if (process.getuid?.() !== 0) return candidate(false, 'only root may build at the top of a hierarchy')
  if (!isWritable(mount.point)) return candidate(false, 'it is not writable')
  return candidate(true, 'this is root on a writable cgroup2 mount')
}

/** Looks at every candidate; with `explicit` at that one alone. */
export function searchRoot(native: Native, explicit?: string): RootSearch {
  const candidates =
    explicit === undefined
      ? [...checkSession(native), checkOwn(native), checkMount()]
      : [checkExplicit(path.resolve(explicit))]
  return { candidates, chosen: candidates.find((candidate) => candidate.usable) }
}

/**
 * A root to look at and to sweep: the first in which there is something of Corral's, else the first.
 * @throws RootError that says what was tried and what to do.
 */
export function findRoot(native: Native, explicit?: string): string {
  return pathOf(searchRootToSee(native, explicit), explicit)
}

/** The same, where there need be none. */
export function searchRootToSee(native: Native, explicit?: string): RootSearch {
  const { candidates } = searchRoot(native, explicit)
  if (explicit === undefined) candidates.push(...scopeDirectories(findCgroupMounts().mounts).map(checkScope))
  const usable = candidates.filter((candidate) => candidate.usable)
  const built = usable.find(({ path: root = '' }) => existsSync(path.join(root, CORRAL)))
  return { candidates, chosen: built ?? usable[0] }
}

/** The scope that systemd gives to all of a user's: it exists as long as a process is in it. */
function checkScope(directory: string): RootCandidate {
  const candidate = candidateAt('systemd', directory)
  if (isWritable(directory)) return candidate(true, 'it is the scope of this user')
  if (existsSync(directory)) return candidate(false, 'it is not writable')
  const manager = path.dirname(path.dirname(directory))
  return isWritable(manager)
    ? candidate(true, 'no process of this user has asked systemd for a scope')
    : candidate(false, 'this user has no systemd manager that could give a scope')
}

export interface RootWish {
  root?: string | undefined
  /** Whether systemd may move this process to a scope. */
  systemd: boolean
}

/**
 * A root to build in, and to be in: one that is there or, where there is none and systemd may be asked, a scope, to which
 * it has then moved this process.
 * @throws RootError that says what was tried and what to do.
 */
export async function obtainRoot(native: Native, wish: RootWish): Promise<string> {
  return pathOf(await searchRootAndAsk(native, wish), wish.root)
}

/** As searchRoot(), but refuses what systemd keeps for itself, and a cgroup in which the kernel lets no process live. */
export async function searchRootToBuildIn(native: Native, explicit?: string): Promise<RootSearch> {
  const { candidates } = searchRoot(native, explicit)
  for (const candidate of candidates) {
    refuseThreaded(candidate)
    await refuseKept(candidate)
  }
  return { candidates, chosen: candidates.find((candidate) => candidate.usable) }
}

/** With systemd for a last candidate. Moves this process where that is the one. */
export async function searchRootAndAsk(native: Native, { root, systemd }: RootWish): Promise<RootSearch> {
  const { candidates, chosen } = await searchRootToBuildIn(native, root)
  if (chosen || root !== undefined) return { candidates, chosen }
  // A process in a session is not moved out of it
  const isInside = candidates.some(({ kind }) => kind === 'session')
  const asked = await askSystemd(native, systemd && !isInside)
  return { candidates: [...candidates, asked], chosen: asked.usable ? asked : undefined }
}

// cgroup.type (cgroup-v2.rst, "Threads") where the kernel lets nobody live in a new cgroup: EOPNOTSUPP. The root of the
// hierarchy has none, and is not so.
const THREADED: Record<string, string> = {
  threaded: 'it was made threaded',
  'domain threaded': 'a cgroup in it was made threaded',
  'domain invalid': 'a cgroup beside or above it was made threaded',
}

/** Notes in a candidate that no session can be in it. What was built before can still be seen and swept there. */
function refuseThreaded(candidate: RootCandidate): void {
  if (!candidate.usable || candidate.path === undefined) return
  const refusal = THREADED[readFile(candidate.path, 'cgroup.type') ?? '']
  if (refusal === undefined) return
  candidate.usable = false
  candidate.why = `${candidate.why}, but ${refusal}`
}

/** Notes in a candidate that it is a unit of systemd without delegation, and not usable: only its manager tells. */
async function refuseKept(candidate: RootCandidate): Promise<void> {
  if (candidate.kind !== 'own-cgroup' || !candidate.usable) return
  if (!(await isKeptBySystemd(candidate.path ?? ''))) return
  candidate.usable = false
  candidate.why = 'it is writable by this user, but its unit has no Delegate=yes'
}

async function askSystemd(native: Native, allowed: boolean): Promise<RootCandidate> {
  const passed = (why: string): RootCandidate => ({ kind: 'systemd', path: undefined, usable: false, why })
  if (!allowed) return passed('it was not asked for a scope, because the options forbid it')
  // A service with ProtectControlGroups=yes: the scope would be there, but not to be written in
  if (!findCgroupMounts().mounts.some(({ writable }) => writable))
    return passed('it was not asked for a scope, because no cgroup2 file system is mounted writable')
  const answer = await enterScope()
  if (answer.given === undefined) return passed(answer.why)
  const { path: directory, usable, why } = checkOwn(native)
  if (!usable) return passed(`the ${answer.given} gave a scope, but ${why}`)
  return { kind: 'systemd', path: directory, usable, why: `the ${answer.given} gave a scope` }
}

/** Where a search ended. @throws RootError that says what was tried and what to do. */
export function pathOf({ candidates, chosen }: RootSearch, explicit: string | undefined): string {
  if (chosen?.path !== undefined) return chosen.path
  const reasons = candidates.map(({ kind, path: tried, why }) =>
    `${kind} ${tried ?? ''}: ${why}`.replace(' :', ':'),
  )
  throw new RootError(`no usable cgroup to build sessions in (${reasons.join('; ')})`, {
    path: explicit,
    hint: 'Pass a writable cgroup2 directory as root, or start the gateway in a unit with Delegate=yes; run `corral doctor` for details',
  })
}

// A process can fork between two looks at the directory, so look until it stays empty.
const MOVE_ROUNDS = 100

/**
 * Where this process sits in `root` itself, moves it, and all else that does, to `supervisor/`: a cgroup with
 * processes of its own cannot give controllers to its children.
 * @throws RootError when the processes cannot be moved.
 */
export function vacateRoot(root: string): void {
  if (isHierarchyRoot(root) || findCgroupMounts().ownDirectory !== root) return
  const supervisor = path.join(root, SUPERVISOR)
  try {
    mkdirSync(supervisor, { recursive: true })
    for (let round = 0; round < MOVE_ROUNDS; round++) {
      const members = readFileSync(path.join(root, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
      if (members.length === 0) return
      for (const pid of members) movePid(supervisor, pid)
    }
  } catch (error) {
    throw failure(
      RootError,
      `cannot move the gateway to ${supervisor}`,
      error,
      'Set DelegateSubgroup=supervisor in its unit (systemd 254 or newer), or start it in a child of the delegated cgroup',
    )
  }
  throw new RootError(`processes keep appearing in ${root}`, {
    path: root,
    hint: 'Stop the program that forks there, and try again',
  })
}

function movePid(supervisor: string, pid: string): void {
  try {
    writeFileSync(path.join(supervisor, 'cgroup.procs'), pid)
  } catch (error) {
    if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
