// Services of this host that start or move processes on request: what they start for a session is not the session's,
// and what systemd-logind moves has lost the session's mark. Told beforehand, in receipts and by the doctor.

import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { now } from '../common/clock.js'
import { isSystemError } from '../common/errors.js'
import type { BackendName } from './facts.js'

/** As found on the host, for one user. */
export interface OthersFacts {
  uid: number
  /** Whether systemd is the init. */
  systemd: boolean
  /** Whether programs that are setuid root can be started to any effect. */
  setuid: boolean
  /** Whether there is a systemd-logind, or an elogind. */
  logind: boolean
  /** Whether PAM tells that of those who log in (pam_systemd.so, pam_elogind.so). */
  pam: boolean
  /** Sockets of systemd managers, their buses and container daemons that this user can connect to. */
  sockets: string[]
  /** Those of PROGRAMS that exist. */
  programs: string[]
}

const SYSTEMD = '/run/systemd/system'
const LOGINDS = [SYSTEMD, '/run/elogind.pid']
const PAM = ['/etc/pam.d', '/usr/lib/pam.d', '/usr/share/pam.d', '/etc/pam.conf']
const DAEMONS = [
  '/run/docker.sock',
  '/var/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
]
const PROGRAMS = {
  crontab: ['/usr/bin/crontab', '/bin/crontab'],
  at: ['/usr/bin/at', '/bin/at'],
  login: ['/usr/bin/su', '/bin/su', '/usr/bin/sudo', '/usr/sbin/runuser', '/sbin/runuser', '/usr/bin/pkexec'],
}
const ROOT = 0

const managers = (uid: number) =>
  uid === ROOT
    ? ['/run/systemd/private', '/run/dbus/system_bus_socket']
    : [`/run/user/${uid}/systemd/private`, `/run/user/${uid}/bus`]
const daemons = (uid: number) => [
  ...DAEMONS,
  `/run/user/${uid}/docker.sock`,
  `/run/user/${uid}/podman/podman.sock`,
]

/** What there is to say of a host with these facts, a sentence each, which begins with the name of the other one. */
export function tellOthers(
  { uid, systemd, setuid, logind, pam, sockets, programs }: OthersFacts,
  mechanism: BackendName,
): string[] {
  const told: string[] = []
  const has = (names: string[]) => names.some((name) => programs.includes(name))
  // Below a subreaper it stays, whatever its cgroup is
  if (mechanism === 'cgroup' && logind && pam && has(PROGRAMS.login) && (uid === ROOT || setuid))
    told.push(
      uid === ROOT
        ? 'systemd-logind: what `su -`, `sudo -i` or `runuser -l` has left running when it has ended itself, or when the gateway was killed, is moved out of the session (pam_systemd), without its mark (pam_limits)'
        : 'systemd-logind: what `su -` or `sudo -i` starts is moved out of the session (pam_systemd), without its mark (pam_limits), and is another user’s, which this one cannot end',
    )
  if (systemd && sockets.some((socket) => managers(uid).includes(socket)))
    told.push(
      `systemd: what ${uid === ROOT ? 'the manager' : "the user's manager"} is asked to start (systemd-run without --scope, D-Bus activation) is its own`,
    )
  if (has(PROGRAMS.crontab)) told.push('cron: what crontab(1) has it start is its own')
  if (has(PROGRAMS.at)) told.push('at: what at(1) and batch(1) have atd start is its own')
  const containers = sockets.filter((socket) => daemons(uid).includes(socket))
  if (containers.length > 0)
    told.push(`a container daemon: what it is asked to start is its own (${containers.join(', ')})`)
  return told
}

/** Whether that is of what bears a login mark: su, sudo and runuser leave it alone. */
export const isHeldByLoginMark = (told: string): boolean => told.startsWith('systemd-logind:')

/** Whether PAM has a session made for those who log in. */
function hasPam(): boolean {
  const files = PAM.flatMap((place) => {
    try {
      return statSync(place).isDirectory() ? readdirSync(place).map((name) => `${place}/${name}`) : [place]
    } catch (error) {
      if (isSystemError(error)) return []
      throw error
    }
  })
  return files.some((file) => {
    try {
      return /^[^#\n]*\bpam_(?:systemd|elogind)\.so/m.test(readFileSync(file, 'utf8'))
    } catch (error) {
      if (isSystemError(error)) return false // a directory, or not for us
      throw error
    }
  })
}

/** Whether a user other than ours may connect to a socket, by its mode: its groups are not known. */
function lets(uid: number, gid: number | undefined, socket: string): boolean {
  const { mode, uid: owner, gid: group } = statSync(socket)
  const shift = owner === uid ? 6 : group === gid ? 3 : 0
  return uid === ROOT || ((mode >> shift) & constants.W_OK) !== 0
}

function canConnect(uid: number, gid: number | undefined, socket: string): boolean {
  try {
    if (uid !== process.geteuid?.()) return lets(uid, gid, socket)
    accessSync(socket, constants.W_OK)
    return true
  } catch (error) {
    if (isSystemError(error)) return false
    throw error
  }
}

/** Looks at this host for a user. Takes some twenty system calls, but for PAM's configuration, which is read once. */
export function lookForOthers(uid: number, gid: number | undefined): OthersFacts {
  pam ??= hasPam()
  const status = readFileSync('/proc/self/status', 'utf8')
  return {
    uid,
    systemd: existsSync(SYSTEMD),
    setuid: !/^NoNewPrivs:\t1$/m.test(status),
    logind: LOGINDS.some((file) => existsSync(file)),
    pam,
    sockets: [...managers(uid), ...daemons(uid)].filter((socket) => canConnect(uid, gid, socket)),
    programs: Object.values(PROGRAMS)
      .flat()
      .filter((file) => existsSync(file)),
  }
}

let pam: boolean | undefined
// Who comes and goes meanwhile is told of a moment later
const FRESH_MS = 1000
const known = new Map<string, { at: number; told: readonly string[] }>()

/** What is to be told of this host to a session of that user (default: ours) that is held so. */
export function othersOf(
  mechanism: BackendName,
  uid = process.geteuid?.() ?? ROOT,
  gid?: number,
): readonly string[] {
  const user = `${mechanism} ${uid}:${gid}`
  const before = known.get(user)
  if (before && now() < before.at + FRESH_MS) return before.told
  const told = tellOthers(lookForOthers(uid, gid), mechanism)
  known.set(user, { at: now(), told })
  return told
}
