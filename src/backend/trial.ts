// What the mechanisms can do on this host, tried out: for doctor, which alone waits for that.
import type { Native } from '../native/addon.js'
import { capsAround, ownCgroup } from './cgroup/caps-around.js'
import { look } from './cgroup/look.js'
import type { RootFacts } from './cgroup/probe.js'
import type { RootCandidate } from './cgroup/root.js'
import type { BackendName, CapAround } from './facts.js'
import { othersOf } from './others.js'
import { refusalOfSubreaper } from './subreaper/probe.js'

export type { RootCandidate, RootFacts }

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
