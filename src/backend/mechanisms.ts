// The mechanisms there are: nothing else names one, but opening.ts, for owners, and trial.ts, for doctor. (These import most of a
// mechanism, which `corral run` and `ls` do not wait for.)
import { loadNative } from '../native/addon.js'
import { ownCgroup } from './cgroup/caps-around.js'
import { launchInCgroup } from './cgroup/launch.js'
import { CgroupOutside } from './cgroup/outside.js'
import { findRoot, pathOf, searchRootAndAsk, searchRootToSee } from './cgroup/root.js'
import type { HoldingChoice } from './facts.js'
import type { Launch, RunPlan } from './launch.js'
import type { Outside } from './outside.js'
import { launchInSubreaper } from './subreaper/launch.js'
import { SubreaperOutside } from './subreaper/outside.js'

export { capsAroundHint } from './cgroup/caps-around.js'
export { containment } from './cgroup/containment.js'
export { memoryAt } from './cgroup/machine.js'

export interface LaunchWish {
  backend: HoldingChoice
  root?: string
  /** Whether systemd may be asked for a scope. */
  systemd: boolean
}

/** What the warden is told by `corral run`. @throws RootError where it has to be a cgroup. @throws LimitUnsupportedError */
export async function packLaunch(wish: LaunchWish, plan: RunPlan): Promise<Launch> {
  const { backend, root } = wish
  if (backend === 'subreaper') return launchInSubreaper(plan)
  const startedIn = ownCgroup() // before systemd moves us
  const search = await searchRootAndAsk(loadNative(), { root, systemd: wish.systemd })
  if (backend === 'auto' && root === undefined && search.chosen?.path === undefined)
    return launchInSubreaper(plan)
  return launchInCgroup(pathOf(search, root), startedIn, plan)
}

export interface OutsideWish {
  /** A cgroup2 directory; then nothing else is looked at. */
  root: string | undefined
  /** What is looked at; `auto`: cgroups, where there is a root, and sessions without. */
  backend: HoldingChoice
  /** Bound on killing, in ms. */
  killTimeoutMs: number
}

/**
 * All that can be looked at.
 * @throws RootError when there is no root, and one is asked for. @throws UnsupportedPlatformError anywhere but on Linux.
 */
export function outsides({ root, backend, killTimeoutMs }: OutsideWish): Outside[] {
  const native = loadNative()
  const seesHeld = backend !== 'cgroup' && root === undefined
  const held = seesHeld ? [new SubreaperOutside(native, killTimeoutMs)] : []
  if (backend === 'subreaper') return held
  const found = seesHeld ? searchRootToSee(native).chosen?.path : findRoot(native, root)
  return [new CgroupOutside(native, found, killTimeoutMs), ...held]
}
