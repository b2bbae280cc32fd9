// What holds of sessions that are held by a subreaper, without a cgroup: they end as surely, but nothing is counted.
import type { Facts, Finding } from './facts.js'
import { rootFix } from './remedies.js'

export function judgeSubreaper({ backend, host }: Facts): Finding[] {
  if (backend !== 'subreaper') return []
  const fix = rootFix(host)
  const why = 'limits need a cgroup'
  return [
    {
      id: 'guard',
      guarantee: 'sessions end with the gateway',
      verdict: 'PASS',
      why: 'a keeper was started, which ends them',
    },
    {
      id: 'memory',
      guarantee: 'memory can be capped',
      verdict: 'CAUTION',
      why: `${why}: with enforcement 'best-effort' a watchdog enforces memoryMax of sessions`,
      fix,
    },
    { id: 'pids', guarantee: 'processes can be capped', verdict: 'FAIL', why, fix },
    { id: 'cpu', guarantee: 'CPU can be capped', verdict: 'FAIL', why, fix },
    { id: 'io', guarantee: 'disks can be shared out', verdict: 'CAUTION', why, fix },
  ]
}
