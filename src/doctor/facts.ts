// What the doctor judges by, and what it says. Everything in src/doctor but host.ts is a pure function of these facts.

import type { HostProbe, RootCandidate, RootFacts } from '../backend/trial.js'
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

export interface Facts extends HostProbe {
  host: HostFacts
}

/** The findings that need a root have nothing to say without one: what holds sessions then speaks for itself. */
export type RootedFacts = Facts & { kernel: RootFacts; root: RootCandidate }

export function hasRoot(facts: Facts): facts is RootedFacts {
  return facts.kernel !== undefined && facts.root !== undefined
}
