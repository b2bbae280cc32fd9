// What a session can have others start or move, who are no part of it.
import type { Facts, Finding } from './facts.js'

export function judgeOthers({ backend, others, host }: Facts): Finding[] {
  if (backend === null) return []
  const place = { id: 'others', guarantee: 'what others start for a session ends with it' }
  if (others.length === 0)
    return [
      {
        ...place,
        verdict: 'PASS',
        why: 'this user can ask no systemd, systemd-logind, cron, at or container daemon',
      },
    ]
  const unit = 'NoNewPrivileges=yes and InaccessiblePaths=-/run/user -/run/docker.sock -/run/podman'
  return [
    {
      ...place,
      verdict: 'CAUTION',
      why: `it does not, and receipts say so (notHeld): ${others.join('; ')}`,
      fix:
        host.uid === 0
          ? `Run the gateway as a user of its own, in a unit with Delegate=yes, ${unit}; or have the program that started such processes end them`
          : `Run the gateway in a unit of the system with User=, Delegate=yes, ${unit}; or have the program that started such processes end them`,
    },
  ]
}
