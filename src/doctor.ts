// What Corral can promise on this host, and what stands in the way: the facts behind `corral doctor`.
import os from 'node:os'
import si from 'systeminformation'
import { probeRoot, type RootFacts } from './cgroup/probe.js'
import { type RootCandidate, searchRoot } from './cgroup/root.js'
import { loadNative, wardenPath } from './native.js'

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

/** Looks at this host. Makes and removes one group below the root; leaves all else as it is. */
export async function diagnose(root?: string): Promise<Diagnosis> {
  const native = loadNative()
  const { candidates, chosen } = searchRoot(native, root)
  const host = await describeHost()
  if (chosen?.path === undefined)
    return {
      host,
      backend: null,
      root: null,
      candidates,
      canCapMemory: false,
      warden: wardenPath(),
      findings: [noRoot(candidates)],
    }
  const kernel = await probeRoot(native, chosen.path)
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
    fix: 'Run the gateway in a unit with Delegate=yes (`systemctl edit NAME`, section [Service]), or give --root',
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
