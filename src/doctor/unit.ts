// What the unit that the gateway runs in does to it: when memory runs out, and when its user logs out.
import type { Facts, Finding, RootedFacts } from './facts.js'
import type { UnitFacts } from './host.js'
import { controllerFix } from './remedies.js'

const edit = ({ name, manager }: UnitFacts) => `systemctl ${manager === 'user' ? '--user ' : ''}edit ${name}`
const ask = ({ name, manager }: UnitFacts) =>
  `systemctl ${manager === 'user' ? '--user ' : ''}show --property=OOMPolicy ${name}`

/**
 * systemd counts out-of-memory kills in all of a unit's cgroups, and may end the unit for one of a session's. With a root
 * elsewhere it sees none of them.
 */
export function judgeOutOfMemory({ host, kernel, root }: RootedFacts): Finding[] {
  const alone = { id: 'oom', guarantee: 'a session that runs out of memory dies alone' }
  const { unit } = host
  if (kernel.memoryV1) return [{ ...alone, verdict: 'PASS', why: 'each has a cgroup of its own in v1' }]
  if (!kernel.controllers.includes('memory'))
    return [
      {
        ...alone,
        verdict: 'CAUTION',
        why: "without a memory controller the kernel's choice may fall on any process of the machine",
        fix: controllerFix(host, 'memory'),
      },
    ]
  if (unit === null) return [{ ...alone, verdict: 'PASS', why: 'memory.oom.group is set on sessions only' }]
  if (!root.path?.split('/').includes(unit.name))
    return [
      { ...alone, verdict: 'PASS', why: `memory.oom.group is set on sessions only, outside of ${unit.name}` },
    ]
  if (unit.oomPolicy === undefined)
    return [
      {
        ...alone,
        verdict: 'CAUTION',
        why: `systemd could not be asked for OOMPolicy= of ${unit.name}: with stop or kill it ends the gateway too`,
        fix: `${ask(unit)}; where it says stop or kill: ${edit(unit)}: section [Service], OOMPolicy=continue`,
      },
    ]
  if (unit.oomPolicy === 'stop' || unit.oomPolicy === 'kill')
    return [
      {
        ...alone,
        verdict: 'FAIL',
        why: `OOMPolicy=${unit.oomPolicy} of ${unit.name}: systemd ends the unit, the gateway with it, for one session`,
        fix: `${edit(unit)}: section [Service], OOMPolicy=continue; then restart ${unit.name}`,
      },
    ]
  const policy = unit.oomPolicy === '' ? `${unit.name} has no OOMPolicy=` : `OOMPolicy=${unit.oomPolicy}`
  return [{ ...alone, verdict: 'PASS', why: `memory.oom.group is set on sessions only, and ${policy}` }]
}

/** A user's manager ends, with all its units, when its user has logged out everywhere. */
export function judgeLogout({ host, root }: Facts): Finding[] {
  const { unit, user, lingers } = host
  const isUsers = unit?.manager === 'user' || /\/user@\d+\.service\//.test(root?.path ?? '')
  if (!isUsers) return []
  const outlive = { id: 'linger', guarantee: 'the gateway outlives a logout' }
  if (lingers) return [{ ...outlive, verdict: 'PASS', why: `${user} lingers` }]
  return [
    {
      ...outlive,
      verdict: 'CAUTION',
      why: `it is in a unit of ${user}'s own manager, which ends when ${user} has logged out`,
      fix: `loginctl enable-linger ${user}`,
    },
  ]
}
