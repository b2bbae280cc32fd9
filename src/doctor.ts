// What Corral can promise on this host, and what stands in the way: the facts behind `corral doctor`.
import { execFile } from 'node:child_process'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import si from 'systeminformation'
import { probeRoot, type RootFacts } from './cgroup/probe.js'
import { type RootCandidate, type RootSearch, searchRootToBuildIn } from './cgroup/root.js'
import { loadNative, wardenPath } from './native.js'
import type { ScopeProbe } from './scope-probe.js'

export type Verdict = 'PASS' | 'CAUTION' | 'FAIL'

export interface Finding {
  guarantee: string
  verdict: Verdict
  why: string
  /** What to do about it. */
  fix?: string
}

export interface Diagnosis {
  host: { os: string; kernel: string; arch: string; node: string; memoryBytes: number; virtual: boolean }
  /** The mechanism that holds sessions here; null: none. */
  backend: 'cgroup' | null
  root: string | null
  candidates: RootCandidate[]
  /** Absent without a root. */
  kernel?: RootFacts
  canCapMemory: boolean
  /** The path of corral-warden. */
  warden: string
  findings: Finding[]
}

/**
 * Looks at this host. Makes and removes one group below the root; leaves all else as it is. Where only systemd could give a
 * cgroup, a process of our own asks it for a scope, and is over afterwards: this process is not moved.
 */
export async function diagnose(root?: string): Promise<Diagnosis> {
  const { search, kernel } = await look(root)
  const { candidates, chosen } = search
  const host = await describeHost()
  if (chosen?.path === undefined || kernel === undefined)
    return {
      host,
      backend: null,
      root: null,
      candidates,
      canCapMemory: false,
      warden: wardenPath(),
      findings: [noRoot(candidates)],
    }
  return {
    host,
    backend: 'cgroup',
    root: chosen.path,
    candidates,
    kernel,
    canCapMemory: kernel.controllers.includes('memory'),
    warden: wardenPath(),
    findings: judge(kernel, chosen),
  }
}

async function look(root: string | undefined): Promise<ScopeProbe> {
  const native = loadNative()
  const search = await searchRootToBuildIn(native, root)
  if (search.chosen?.path !== undefined)
    return { search, kernel: await probeRoot(native, search.chosen.path) }
  return root === undefined ? probeScope(search) : { search }
}

// systemd has longer limits for each call (cgroup/busctl.ts)
const PROBE_MS = 60_000

async function probeScope(search: RootSearch): Promise<ScopeProbe> {
  const program = fileURLToPath(new URL('../dist/scope-probe.js', import.meta.url))
  try {
    const limits = { timeout: PROBE_MS, killSignal: 'SIGKILL' } as const
    const { stdout } = await promisify(execFile)(process.execPath, [program], limits)
    return JSON.parse(stdout) as ScopeProbe
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim() || (error as Error).message
    const failed: RootCandidate = { kind: 'systemd', path: undefined, usable: false, why }
    return { search: { candidates: [...search.candidates, failed], chosen: undefined } }
  }
}

async function describeHost(): Promise<Diagnosis['host']> {
  const [system, machine] = await Promise.all([si.osInfo(), si.system()])
  return {
    os: `${system.distro} ${system.release}`,
    kernel: os.release(),
    arch: process.arch,
    node: process.version,
    memoryBytes: os.totalmem(),
    virtual: machine.virtual,
  }
}

function noRoot(candidates: RootCandidate[]): Finding {
  return {
    guarantee: 'sessions can be held',
    verdict: 'FAIL',
    why: candidates.map(({ kind, path, why }) => `${kind}${path ? ` ${path}` : ''}: ${why}`).join('; '),
    fix: 'Run the gateway in a unit with Delegate=yes (`corral doctor --unit NAME` prints what to add to it), or give --root',
  }
}

function judge(kernel: RootFacts, root: RootCandidate): Finding[] {
  const limit = (name: string, controller: string): Finding =>
    kernel.controllers.includes(controller)
      ? {
          guarantee: `${name} can be capped`,
          verdict: 'PASS',
          why: `the root offers the ${controller} controller`,
        }
      : {
          guarantee: `${name} can be capped`,
          verdict: 'FAIL',
          why: `the root offers [${kernel.controllers.join(' ')}], not ${controller}`,
          fix: hybridFix(controller),
        }
  return [
    { guarantee: 'sessions can be held', verdict: 'PASS', why: `${root.path}: ${root.why}` },
    kernel.cloneIntoCgroup
      ? { guarantee: 'placed before born', verdict: 'PASS', why: 'clone3 creates a process in its group' }
      : {
          guarantee: 'placed before born',
          verdict: 'CAUTION',
          why: 'clone3 is refused (old kernel or seccomp filter): a process joins its group before it execs',
          fix: 'Linux 5.7, or a seccomp profile that allows clone3',
        },
    kernel.cgroupKill
      ? { guarantee: 'gone means empty', verdict: 'PASS', why: 'cgroup.kill ends a whole group' }
      : {
          guarantee: 'gone means empty',
          verdict: 'CAUTION',
          why: 'no cgroup.kill: groups are frozen and killed process by process, until the kernel says empty',
          fix: 'Linux 5.14',
        },
    kernel.noGuard === undefined
      ? {
          guarantee: 'sessions end with the gateway',
          verdict: 'PASS',
          why: 'a guard was started, and moved out of the way',
        }
      : {
          guarantee: 'sessions end with the gateway',
          verdict: 'FAIL',
          why: kernel.noGuard,
          fix: 'Run `npm rebuild corral`: corral-warden has to lie beside the addon, and to be executable',
        },
    kernel.controllers.includes('memory')
      ? limit('memory', 'memory')
      : {
          ...limit('memory', 'memory'),
          verdict: 'CAUTION',
          why: `the root offers [${kernel.controllers.join(' ')}], not memory: with enforcement 'best-effort' a watchdog sees to memoryMax of sessions`,
        },
    limit('processes', 'pids'),
    limit('CPU', 'cpu'),
  ]
}

function hybridFix(controller: string): string {
  return `Where ${controller} is mounted as cgroup v1, boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all; in a unit, set Delegate=yes`
}
