// How processes come into their group, how groups end, and who ends them when the gateway is gone.
import type { Finding, RootedFacts } from './facts.js'
import type { HostFacts } from './host.js'

/** `release` as of uname: whether it is that of Linux `major.minor`, or newer. */
function isAtLeast({ kernel }: HostFacts, major: number, minor: number): boolean {
  const [own = 0, below = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10))
  return own > major || (own === major && below >= minor)
}

function cloneFix(host: HostFacts): string {
  if (!isAtLeast(host, 5, 7)) return `Linux 5.7 or newer (this is ${host.kernel})`
  if (host.container === null)
    return 'A seccomp filter without clone3 is on this process: in a unit, add clone3 to SystemCallFilter='
  return 'Run the container with a seccomp profile that allows clone3 (--security-opt seccomp=FILE, or seccomp=unconfined)'
}

export function judgePlaced({ kernel, host }: RootedFacts): Finding[] {
  const place = { id: 'placed', guarantee: 'placed before born' }
  if (kernel.cloneIntoCgroup)
    return [{ ...place, verdict: 'PASS', why: 'clone3 creates a process in its group' }]
  if (kernel.ownGroupKilled)
    return [
      {
        ...place,
        verdict: 'CAUTION',
        why: 'the cgroup of this process was once ended by cgroup.kill, and the kernel kills what is created from it in another: a process joins its group before it execs',
        fix: 'Start the gateway in a new cgroup (restart its unit, or systemd-run --scope), not in one that was killed',
      },
    ]
  const who = isAtLeast(host, 5, 7) && host.seccomp ? 'a seccomp filter' : 'this kernel'
  return [
    {
      ...place,
      verdict: 'CAUTION',
      why: `${who} refuses clone3 into a group: a process joins its group before it execs`,
      fix: cloneFix(host),
    },
  ]
}

export function judgeEmpty({ kernel, host }: RootedFacts): Finding[] {
  const empty = { id: 'empty', guarantee: 'gone means empty' }
  if (kernel.cgroupKill) return [{ ...empty, verdict: 'PASS', why: 'cgroup.kill ends a whole group' }]
  return [
    {
      ...empty,
      verdict: 'CAUTION',
      why: 'no cgroup.kill: groups are frozen and killed process by process, until the kernel says empty',
      fix: `Linux 5.14 or newer (this is ${host.kernel})`,
    },
  ]
}

export function judgeGuard({ kernel }: RootedFacts): Finding[] {
  const guard = { id: 'guard', guarantee: 'sessions end with the gateway' }
  if (kernel.noGuard === undefined)
    return [{ ...guard, verdict: 'PASS', why: 'a guard was started in a cgroup of its own' }]
  return [
    {
      ...guard,
      verdict: 'FAIL',
      why: kernel.noGuard,
      fix: 'Run `npx corral build`: corral-warden has to be beside the addon, and executable',
    },
  ]
}
