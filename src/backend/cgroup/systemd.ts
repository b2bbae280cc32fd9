// A cgroup from systemd: a scope with Delegate=yes, into which it moves this very process. All gateways and `corral run`s of
// a user that have no cgroup of their own share one, so that each sees what the others left. It is gone when no process lives
// in it any more.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { now, sleep } from '../../common/clock.js'
import { type CgroupMount, directoryOf, parseOwnCgroup } from '../../linux/mounts.js'
import { SUPERVISOR } from '../../native/language.js'
import {
  assertSamePids,
  callManager,
  type Manager,
  systemManager,
  unitProperty,
  userManager,
} from './busctl.js'

export const SCOPE = 'corral.scope'

// Joining and leaving of others can go on for a while, and a loaded machine takes a second for one try.
const ENTER_MS = 15_000
const MOVE_MS = 5000
const LOOK_MS = 2
const TRY_AGAIN_MS = 10

const uidHere = () => process.getuid?.() ?? 0

/** Whose scope this process is in now, or why it is in none. */
export type ScopeAnswer = { given: Manager['name'] } | { given: undefined; why: string }

/** Asks the manager of this user, where there is one, and then, for root, that of the system. */
export async function enterScope(): Promise<ScopeAnswer> {
  const uid = uidHere()
  const reasons: string[] = []
  const user = userManager(uid)
  if (!user) reasons.push(`uid ${uid} has no user manager (/run/user/${uid}/bus is not there)`)
  if (uid !== 0) reasons.push('the system manager gives scopes to root only')
  for (const manager of [...(user ? [user] : []), ...(uid === 0 ? [systemManager] : [])]) {
    try {
      await assertSamePids(manager)
      await enterScopeOf(manager)
      return { given: manager.name }
    } catch (error) {
      reasons.unshift(`the ${manager.name}: ${(error as Error).message}`)
    }
  }
  return { given: undefined, why: reasons.join('; ') }
}

/** Starts the scope or, where others have, joins it; it can come and go between the two. @throws Error */
async function enterScopeOf(manager: Manager): Promise<void> {
  const deadline = now() + ENTER_MS
  for (;;) {
    try {
      if (!(await start(manager))) await join(manager)
      return await moved()
    } catch (error) {
      if (!(error instanceof ComingOrGoing) || now() > deadline) throw error
      await sleep(TRY_AGAIN_MS)
    }
  }
}

class ComingOrGoing extends Error {}

/** False when there is one. */
async function start(manager: Manager): Promise<boolean> {
  const properties = [
    ['Description', 's', 'Agent sessions, contained by Corral'],
    ['Slice', 's', manager === systemManager ? 'system.slice' : 'app.slice'],
    ['PIDs', 'au', '1', String(process.pid)],
    ['Delegate', 'b', 'true'],
    // Or one that failed would stay to be looked at
    ['CollectMode', 's', 'inactive-or-failed'],
  ]
  const attempt = (list: string[][]) =>
    callManager(manager, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', [
      ...[SCOPE, 'fail', String(list.length)],
      ...list.flat(),
      '0',
    ])
  try {
    // A session that runs out of memory is no reason to end the others. Scopes of older systemd do not know this
    // property, and are not ended for that
    await attempt([...properties, ['OOMPolicy', 's', 'continue']]).catch((error: Error) => {
      if (!/OOMPolicy|unknown property/i.test(error.message)) throw error
      return attempt(properties)
    })
    return true
  } catch (error) {
    if (/already (loaded|exists)/.test((error as Error).message)) return false
    throw error
  }
}

async function join(manager: Manager): Promise<void> {
  try {
    await callManager(manager, 'AttachProcessesToUnit', 'ssau', [
      ...[SCOPE, `/${SUPERVISOR}`],
      ...['1', String(process.pid)],
    ])
  } catch (error) {
    const { message } = error as Error
    throw /No such (file|device|process)|busy|not loaded|not active/i.test(message)
      ? new ComingOrGoing(message)
      : error
  }
}

/** What is done when systemd has answered is not done yet: it has only put it on its list. */
async function moved(): Promise<void> {
  const deadline = now() + MOVE_MS
  while (!parseOwnCgroup(readFileSync('/proc/self/cgroup', 'utf8'))?.split('/').includes(SCOPE)) {
    if (now() > deadline) throw new Error(`it has not moved this process to ${SCOPE} within ${MOVE_MS} ms`)
    await sleep(LOOK_MS)
  }
}

/** Where the scope of this user is, if it is. */
export function scopeDirectories(mounts: readonly CgroupMount[]): string[] {
  const uid = uidHere()
  const names = [`/user.slice/user-${uid}.slice/user@${uid}.service/app.slice/${SCOPE}`]
  if (uid === 0) names.push(`/system.slice/${SCOPE}`)
  return mounts.flatMap((mount) => names.flatMap((name) => directoryOf(mount, name) ?? []))
}

/**
 * Whether the cgroup of this name is that of a unit of the user manager that has no Delegate=yes. Such a one belongs to this
 * user all the same, but systemd goes on ruling in it; above all it stops the unit whole (OOMPolicy=stop) when a session
 * runs out of memory. False also where the manager does not say.
 */
export async function isKeptBySystemd(cgroup: string): Promise<boolean> {
  const unit = path.basename(cgroup)
  const manager = userManager(uidHere())
  if (!manager || !/\/user@\d+\.service\//.test(cgroup) || !/\.(service|scope)$/.test(unit)) return false
  const answer = await unitProperty(manager, unit, 'Delegate').catch(() => '')
  return answer.trim() === 'b false'
}
