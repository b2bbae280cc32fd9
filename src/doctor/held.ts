// Whether there is anything that holds sessions.
import type { Facts, Finding } from './facts.js'
import { busFile } from './host.js'
import { rootFix } from './remedies.js'

const HELD = { id: 'held', guarantee: 'sessions can be held' }

const OTHER_ROOT =
  'Leave --root (CORRAL_ROOT) out to have corral find a cgroup, or name a cgroup2 directory that this user may write in, such as that of a unit with Delegate=yes'

function passedOver({ candidates, noSubreaper }: Facts): string {
  const tried = candidates.map(({ kind, path, why }) => `${kind}${path ? ` ${path}` : ''}: ${why}`)
  return [...tried, ...(noSubreaper === undefined ? [] : [`subreaper: ${noSubreaper}`])].join('; ')
}

export function judgeHeld(facts: Facts): Finding[] {
  const { root, kernel, refused, backend, host } = facts
  if (root && kernel) return [{ ...HELD, verdict: 'PASS', why: `${root.path}: ${root.why}` }]
  const why = refused === undefined ? passedOver(facts) : `${root?.path}: ${refused}`
  const fix = facts.candidates.some(({ kind }) => kind === 'explicit') ? OTHER_ROOT : rootFix(host)
  const held: Finding =
    backend === null
      ? { ...HELD, verdict: 'FAIL', why, fix }
      : { ...HELD, verdict: 'CAUTION', why: `by a ${backend}, without a usable cgroup (${why})`, fix }
  return [held, ...judgeBus(facts)]
}

/** Without a cgroup, an ordinary user can have systemd make one, if the environment names the user's manager. */
function judgeBus({ host }: Facts): Finding[] {
  const { uid, systemd, bus, user } = host
  if (uid === 0 || !systemd || (bus.exists && bus.inEnvironment)) return []
  const runtime = busFile(uid).replace(/\/bus$/, '')
  return [
    {
      id: 'bus',
      guarantee: 'systemd --user can be asked for a cgroup',
      verdict: 'CAUTION',
      ...(bus.exists
        ? {
            why: 'neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS is set',
            fix: `export XDG_RUNTIME_DIR=${runtime} DBUS_SESSION_BUS_ADDRESS=unix:path=${runtime}/bus`,
          }
        : {
            why: `${runtime}/bus does not exist: no systemd manager of ${user} is running`,
            fix: `loginctl enable-linger ${user}`,
          }),
    },
  ]
}
