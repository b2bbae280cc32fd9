// The mechanisms there are, and which of them is taken: nothing else names one.
import { isSupportedPlatform, loadNative, type Native } from '../native/addon.js'
import type { Backend } from './backend.js'
import { CgroupBackend, type CgroupBackendOptions } from './cgroup/backend.js'
import { capsAround, ownCgroup } from './cgroup/caps-around.js'
import { cgroupWords } from './cgroup/launch.js'
import { look } from './cgroup/look.js'
import { CgroupOutside } from './cgroup/outside.js'
import type { RootFacts } from './cgroup/probe.js'
import { findRoot, pathOf, type RootCandidate, searchRootAndAsk, searchRootToSee } from './cgroup/root.js'
import type { BackendChoice, BackendName, CapAround, GuardEvent, HoldingChoice } from './facts.js'
import type { RunPlan } from './launch.js'
import { othersOf } from './others.js'
import type { Outside } from './outside.js'
import { PassthroughBackend } from './passthrough/backend.js'
import { SubreaperBackend } from './subreaper/backend.js'
import { subreaperWords } from './subreaper/launch.js'
import { SubreaperOutside } from './subreaper/outside.js'
import { refusalOfSubreaper } from './subreaper/probe.js'

export { capsAroundHint } from './cgroup/caps-around.js'
export { containment } from './cgroup/containment.js'
export { memoryAt } from './cgroup/machine.js'
export type { RootCandidate, RootFacts }

export interface OpenWish extends Omit<CgroupBackendOptions, 'startedIn'> {
  backend: BackendChoice
  /** Where nothing can hold sessions. */
  unsupported: 'reject' | 'passthrough'
}

/**
 * Opens an instance: of cgroups where there are any to build in, or systemd gives one; a root that was asked for has to do. What
 * holds nothing is only taken where that was asked for. `tell` hears what becomes of its guard.
 * @throws RootError, GuardError, LimitUnsupportedError. @throws UnsupportedPlatformError anywhere but on Linux.
 */
export async function openBackend(wish: OpenWish, tell: (event: GuardEvent) => void): Promise<Backend> {
  const { backend, root } = wish
  if (backend === 'passthrough') return new PassthroughBackend(wish)
  if (wish.unsupported === 'passthrough' && !isSupportedPlatform()) return new PassthroughBackend(wish)
  if (backend === 'subreaper') return SubreaperBackend.open(wish, tell)
  const native = loadNative()
  const options = { ...wish, startedIn: ownCgroup() } // before systemd moves us
  if (backend === 'cgroup' || root !== undefined) return CgroupBackend.open(options, tell)
  const { chosen } = await searchRootAndAsk(native, wish)
  return chosen?.path === undefined
    ? SubreaperBackend.open(wish, tell)
    : CgroupBackend.open({ ...options, root: chosen.path }, tell)
}

export interface LaunchWish {
  backend: HoldingChoice
  root?: string
  /** Whether systemd may be asked for a scope. */
  systemd: boolean
}

/** What the warden is told by `corral run`. @throws RootError where it has to be a cgroup. @throws LimitUnsupportedError */
export async function launchWords(wish: LaunchWish, plan: RunPlan): Promise<string[]> {
  const { backend, root } = wish
  if (backend === 'subreaper') return subreaperWords(plan)
  const startedIn = ownCgroup() // before systemd moves us
  const search = await searchRootAndAsk(loadNative(), { root, systemd: wish.systemd })
  if (backend === 'auto' && root === undefined && search.chosen?.path === undefined)
    return subreaperWords(plan)
  return cgroupWords(pathOf(search, root), startedIn, plan)
}

/** What can hold sessions on this host, as openCorral() would find it. */
export interface HostProbe {
  candidates: RootCandidate[]
  /** The one that was taken. */
  root: RootCandidate | undefined
  /** The mechanism that holds sessions here; null: none. */
  backend: BackendName | null
  /** What could be done below the root; absent without one. */
  kernel: RootFacts | undefined
  /** Why nothing could be done below the root that was taken. */
  refused: string | undefined
  /** Caps that hold for this process and not for sessions below the root. */
  capsAround: readonly CapAround[]
  /** The services that start or move processes for sessions, in words. Empty where nothing holds sessions. */
  others: readonly string[]
  /** Why no subreaper holds them either, where that was tried. */
  noSubreaper: string | undefined
}

/** Makes and removes one group below the root, and leaves all else as it is. This process is not moved. */
export async function probeHost(native: Native, explicit: string | undefined): Promise<HostProbe> {
  const { search, kernel, refused } = await look(native, explicit)
  const { candidates, chosen } = search
  const probe = {
    candidates,
    root: chosen,
    kernel,
    refused,
    others: [],
    capsAround: chosen?.path === undefined ? [] : capsAround(chosen.path, ownCgroup()),
    noSubreaper: undefined,
  }
  if (kernel) return { ...probe, backend: 'cgroup', others: othersOf('cgroup') }
  // As openBackend() does: a root that was asked for, or found, has to do
  if (explicit !== undefined || chosen) return { ...probe, backend: null }
  const noSubreaper = await refusalOfSubreaper()
  if (noSubreaper === undefined) return { ...probe, backend: 'subreaper', others: othersOf('subreaper') }
  return { ...probe, backend: null, noSubreaper }
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
