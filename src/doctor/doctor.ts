// What Corral can promise on this host, what stands in the way, and the exact fix: `corral doctor`. Facts are gathered
// first; each file of src/doctor judges one kind of thing by them.
import os from 'node:os'
import { probeHost, type RootCandidate, type RootFacts } from '../backend/trial.js'
import { loadNative, wardenPath } from '../native/addon.js'
import { judgeEmpty, judgeGuard, judgePlaced } from './endings.js'
import { type Facts, type Finding, hasRoot, type RootedFacts } from './facts.js'
import { judgeHeld } from './held.js'
import { type HostFacts, parseHost, readHost } from './host.js'
import { judgeCapsAround, judgeCpu, judgeDisks, judgeMemory, judgeProcesses } from './limits.js'
import { judgeOthers } from './others.js'
import { judgeSegments } from './shared-memory.js'
import { judgeSubreaper } from './subreaper.js'
import { judgeLogout, judgeOutOfMemory } from './unit.js'
import { judgeWatches } from './watches.js'

export type { Finding, Verdict } from './facts.js'

export interface Diagnosis {
  host: {
    os: string
    kernel: string
    arch: string
    node: string
    memoryBytes: number
    virtual: boolean
  } & Pick<HostFacts, 'container' | 'wsl' | 'layout' | 'unit' | 'swapBytes'>
  /** The mechanism that holds sessions here; null: none. */
  backend: Facts['backend']
  root: string | null
  candidates: RootCandidate[]
  /** Absent without a root. */
  kernel?: RootFacts
  canCapMemory: boolean
  /** The path of corral-warden. */
  warden: string
  findings: Finding[]
}

/** Judges, in the order of what they are about. */
const ANYWHERE: ((facts: Facts) => Finding[])[] = [judgeHeld, judgeSubreaper]
const BELOW_A_ROOT: ((facts: RootedFacts) => Finding[])[] = [
  judgePlaced,
  judgeEmpty,
  judgeGuard,
  judgeMemory,
  judgeProcesses,
  judgeCpu,
  judgeDisks,
  judgeCapsAround,
  judgeOutOfMemory,
]
const ANYWHERE_AFTER: ((facts: Facts) => Finding[])[] = [
  judgeWatches,
  judgeOthers,
  judgeSegments,
  judgeLogout,
]

/** What there is to say of a host with these facts. */
export function judge(facts: Facts): Finding[] {
  return [
    ...ANYWHERE.flatMap((one) => one(facts)),
    ...(hasRoot(facts) ? BELOW_A_ROOT.flatMap((one) => one(facts)) : []),
    ...ANYWHERE_AFTER.flatMap((one) => one(facts)),
  ]
}

/**
 * Looks at this host. Makes and removes one group below the root; leaves all else as it is. This process is not moved.
 * @throws UnsupportedPlatformError, NativeMissingError where there is nothing to look with.
 */
export async function diagnose(root?: string): Promise<Diagnosis> {
  const facts = { ...(await probeHost(loadNative(), root)), host: parseHost(readHost()) }
  const { candidates, backend, kernel } = facts
  return {
    host: await describeHost(facts.host),
    backend,
    root: backend === null ? null : (facts.root?.path ?? null),
    candidates,
    ...(kernel && { kernel }),
    canCapMemory: kernel !== undefined && (kernel.controllers.includes('memory') || kernel.memoryV1),
    warden: wardenPath(),
    findings: judge(facts),
  }
}

async function describeHost({
  container,
  wsl,
  layout,
  unit,
  swapBytes,
}: HostFacts): Promise<Diagnosis['host']> {
  const { default: si } = await import('systeminformation') // no other command waits for it
  const [system, machine] = await Promise.all([si.osInfo(), si.system()])
  return {
    os: `${system.distro} ${system.release}`,
    kernel: os.release(),
    arch: process.arch,
    node: process.version,
    memoryBytes: os.totalmem(),
    virtual: machine.virtual,
    container,
    wsl,
    layout,
    unit,
    swapBytes,
  }
}
