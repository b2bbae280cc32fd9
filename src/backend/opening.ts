// Which mechanism openCorral() takes.
import { isSupportedPlatform, loadNative } from '../native/addon.js'
import type { Backend } from './backend.js'
import { CgroupBackend, type CgroupBackendOptions } from './cgroup/backend.js'
import { ownCgroup } from './cgroup/caps-around.js'
import { searchRootAndAsk } from './cgroup/root.js'
import type { BackendChoice, GuardEvent } from './facts.js'
import { PassthroughBackend } from './passthrough/backend.js'
import { SubreaperBackend } from './subreaper/backend.js'

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
