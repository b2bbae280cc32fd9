// The mechanisms there are, and which of them is taken: nothing else names one.
import { loadNative } from '../native/addon.js'
import { CgroupOutside } from './cgroup/outside.js'
import { findRoot, searchRootToSee } from './cgroup/root.js'
import type { HoldingChoice } from './facts.js'
import type { Outside } from './outside.js'
import { SubreaperOutside } from './subreaper/outside.js'

export { memoryAt } from './cgroup/machine.js'

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
