// What the doctor judges by, and what it says. Everything in src/doctor but host.ts is a pure function of these facts.

import type { RootFacts } from '../backend/cgroup/probe.js'
import type { RootCandidate } from '../backend/cgroup/root.js'
import type { BackendName, CapAround } from '../backend/facts.js'
import type { HostFacts } from './host.js'

/** PASS: it holds. CAUTION: it holds in a weaker way, or not in every case. FAIL: it does not hold. */
export type Verdict = 'PASS' | 'CAUTION' | 'FAIL'

export interface Finding {
  /** A stable name of the guarantee, for programs. */
  id: string
  guarantee: string
  verdict: Verdict
  why: string
  /** The command or file that mends it; absent with PASS. */
  fix?: string
}

export interface Facts {
  host: HostFacts
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
  /** Who starts or moves processes for sessions, in words; nobody where nothing holds these. */
  others: readonly string[]
  /** Why no subreaper holds them either, where that was tried. */
  noSubreaper: string | undefined
}

/** The findings that need a root have nothing to say without one: what holds sessions then speaks for itself. */
export type RootedFacts = Facts & { kernel: RootFacts; root: RootCandidate }

export function hasRoot(facts: Facts): facts is RootedFacts {
  return facts.kernel !== undefined && facts.root !== undefined
}
