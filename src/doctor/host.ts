// What /proc, /sys, /run and the environment tell of the host, as far as it bears on sessions: read in one place as texts,
// and parsed by a pure function.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, watch } from 'node:fs'
import os from 'node:os'
import { type CgroupMount, parseCgroupMounts, parseOwnCgroup } from '../linux/mounts.js'
import { type LeftSegments, leftOf, parseSegments } from '../linux/shared-memory.js'

/** As found on the host; '' for a file that is not there. */
export interface HostTexts {
  /** /proc/self/mountinfo, /proc/self/cgroup, /proc/self/status, /proc/swaps, /proc/cgroups */
  mountinfo: string
  cgroup: string
  status: string
  swaps: string
  controllers: string
  /** /proc/cmdline: what the kernel was booted with. */
  bootWords: string
  /** uname -r */
  release: string
  uid: number
  user: string
  /** Those of ENVIRONMENT that are set. */
  env: Record<string, string>
  /** The name of pid 2: kthreadd, unless this is a pid namespace of its own. */
  second: string
  /** Those of FILES that exist. */
  files: string[]
  /** /run/systemd/container: what systemd calls the container that it is in. */
  systemdContainer: string
  maxUserWatches: string
  /** /proc/sysvipc/shm, and which of the creators in it live. */
  sharedMemory: string
  creators: number[]
  maxUserInstances: string
  /** Why a directory cannot be watched at this moment; undefined: it can. */
  noWatch: string | undefined
  /** `systemctl show` of the unit that this process is in; undefined: it could not be asked. */
  unitProperties: string | undefined
}

export type Layout = 'unified' | 'hybrid' | 'v1' | 'none'

export interface UnitFacts {
  name: string
  /** Whose unit it is: the system's, or that of this user's manager. */
  manager: 'system' | 'user'
  /** OOMPolicy=, where the unit has one; undefined: systemd could not be asked. */
  oomPolicy: string | undefined
}

export interface HostFacts {
  kernel: string
  uid: number
  user: string
  /** Where the cgroup controllers are mounted: cgroup v2, v1, or v1 with a v2 beside it that has none. */
  layout: Layout
  /** Controllers that are mounted as cgroup v1. */
  v1Controllers: string[]
  /** Controllers that were turned off at boot. */
  disabledControllers: string[]
  mounts: CgroupMount[]
  /** docker, podman, kubernetes, lxc, systemd-nspawn, …; null: in none that we know. */
  container: string | null
  wsl: boolean
  /** Whether systemd is the init here. */
  systemd: boolean
  unit: UnitFacts | null
  /** Whether this user's manager outlives logouts. */
  lingers: boolean
  /** The user's bus, and whether the environment says where it is. */
  bus: { exists: boolean; inEnvironment: boolean }
  swapBytes: number
  /** Whether a seccomp filter is on this process. */
  seccomp: boolean
  watches: { max: number; maxInstances: number; refused: string | undefined }
  /** SysV segments that nobody is attached to, and whose creator has ended. */
  segments: LeftSegments
}

/** The kernel's own names for the controllers of v1 where they differ from ours. */
const V1_NAMES: Record<string, string> = { blkio: 'io' }
const SYSTEMD = '/run/systemd/system'
const PODMAN = '/run/.containerenv'
const DOCKER = '/.dockerenv'
const ENVIRONMENT = ['KUBERNETES_SERVICE_HOST', 'container', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS']
const ASK_MS = 2000

function v1Mounted(mountinfo: string): string[] {
  const options = mountinfo.split('\n').flatMap((line) => {
    const [type, , superOptions = ''] = line.split(' - ')[1]?.split(' ') ?? []
    return type === 'cgroup' ? superOptions.split(',') : []
  })
  return ['memory', 'pids', 'cpu', 'blkio']
    .filter((name) => options.includes(name))
    .map((name) => V1_NAMES[name] ?? name)
}

function layoutOf(mounts: CgroupMount[], v1: string[]): Layout {
  if (mounts.length > 0) return v1.length > 0 ? 'hybrid' : 'unified'
  return v1.length > 0 ? 'v1' : 'none'
}

/** A virtual machine that was made from a container's image has its marks, too, but sees the kernel's own threads. */
function containerOf({ env, files, systemdContainer, second }: HostTexts): string | null {
  if (second.trim() === 'kthreadd') return null
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) return 'kubernetes'
  if (files.includes(PODMAN)) return 'podman'
  if (files.includes(DOCKER)) return 'docker'
  const told = systemdContainer.trim() || env['container'] || ''
  return told === '' || told === 'wsl' ? null : told
}

/** The unit that a cgroup belongs to, by its name: the last on the way down. */
export function unitOf(cgroup: string): Pick<UnitFacts, 'name' | 'manager'> | undefined {
  const names = cgroup.split('/')
  const at = names.findLastIndex((name) => /\.(?:service|scope)$/.test(name))
  const name = names[at]
  if (name === undefined) return undefined
  const manager = names.slice(0, at).some((above) => /^user@\d+\.service$/.test(above)) ? 'user' : 'system'
  return { name, manager }
}

/** The cgroup that systemd put this process in: of v2, and on a hybrid host of its own v1 hierarchy. */
function systemdCgroup(cgroup: string): string {
  const own = parseOwnCgroup(cgroup)
  if (own !== undefined && own !== '/') return own
  return /^\d+:name=systemd:(.*)$/m.exec(cgroup)?.[1] ?? ''
}

function swapOf(swaps: string): number {
  const sizes = swaps
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(/\s+/)[2] ?? 0) * 1024)
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** /proc/cgroups has only what v1 has, too: of memory nothing where a kernel has no v1 of that (CONFIG_MEMCG_V1, Linux 6.11). */
function disabledIn({ controllers, bootWords }: HostTexts): string[] {
  const rows = controllers.split('\n').map((line) => line.split(/\s+/))
  const off = rows.filter((row) => row[3] === '0').map(([name = '']) => name)
  const words = [...bootWords.matchAll(/(?:^|\s)cgroup_disable=(\S+)/g)].flatMap(([, names = '']) =>
    names.split(','),
  )
  return [...new Set([...off, ...words].map((name) => V1_NAMES[name] ?? name))]
}

export function parseHost(texts: HostTexts): HostFacts {
  const { mountinfo, cgroup, status, release, env, files, uid, user } = texts
  const mounts = parseCgroupMounts(mountinfo)
  const v1Controllers = v1Mounted(mountinfo)
  const systemd = files.includes(SYSTEMD)
  const unit = systemd ? unitOf(systemdCgroup(cgroup)) : undefined
  const oomPolicy =
    texts.unitProperties === undefined
      ? undefined
      : (/^OOMPolicy=(.*)$/m.exec(texts.unitProperties)?.[1] ?? '')
  return {
    kernel: release,
    uid,
    user,
    layout: layoutOf(mounts, v1Controllers),
    v1Controllers,
    disabledControllers: disabledIn(texts),
    mounts,
    container: containerOf(texts),
    wsl: /microsoft/i.test(release),
    systemd,
    unit: unit ? { ...unit, oomPolicy } : null,
    lingers: files.includes(lingerFile(user)),
    bus: {
      exists: files.includes(busFile(uid)),
      inEnvironment: env['XDG_RUNTIME_DIR'] !== undefined || env['DBUS_SESSION_BUS_ADDRESS'] !== undefined,
    },
    swapBytes: swapOf(texts.swaps),
    seccomp: /^Seccomp:\t2$/m.test(status),
    watches: {
      max: Number(texts.maxUserWatches),
      maxInstances: Number(texts.maxUserInstances),
      refused: texts.noWatch,
    },
    segments: leftOf(
      parseSegments(texts.sharedMemory).filter(({ creator }) => !texts.creators.includes(creator)),
    ),
  }
}

export const busFile = (uid: number) => `/run/user/${uid}/bus`
const lingerFile = (user: string) => `/var/lib/systemd/linger/${user}`

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // not on this kernel, or not for us: what it would have told is then not known
  }
}

/** A watch of the kind that sessions have; it is gone again. */
function refusedWatch(): string | undefined {
  try {
    watch('/').close()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Never longer than ASK_MS: a bus that hangs must not hang the doctor (runc #3904). */
function askUnit(cgroup: string): string | undefined {
  const unit = unitOf(systemdCgroup(cgroup))
  if (!unit || !existsSync(SYSTEMD)) return undefined
  const user = unit.manager === 'user' ? ['--user'] : []
  try {
    return execFileSync('systemctl', [...user, 'show', '--property=OOMPolicy', unit.name], {
      encoding: 'utf8',
      timeout: ASK_MS,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    return undefined // no systemctl, no bus: the finding says that it could not be asked
  }
}

function userName(): string {
  try {
    return os.userInfo().username
  } catch {
    return String(process.getuid?.()) // a uid that /etc/passwd does not have: usual in containers
  }
}

/** Looks at this host, and changes nothing. */
export function readHost(): HostTexts {
  const [uid, user, cgroup] = [process.getuid?.() ?? 0, userName(), read('/proc/self/cgroup')]
  const sharedMemory = read('/proc/sysvipc/shm')
  const creators = parseSegments(sharedMemory).map(({ creator }) => creator)
  const files = [SYSTEMD, PODMAN, DOCKER, busFile(uid), lingerFile(user)]
  return {
    mountinfo: read('/proc/self/mountinfo'),
    cgroup,
    status: read('/proc/self/status'),
    swaps: read('/proc/swaps'),
    controllers: read('/proc/cgroups'),
    bootWords: read('/proc/cmdline'),
    release: os.release(),
    uid,
    user,
    env: Object.fromEntries(
      ENVIRONMENT.flatMap((name) => {
        const value = process.env[name]
        return value === undefined ? [] : [[name, value]]
      }),
    ),
    second: read('/proc/2/comm'),
    files: files.filter((file) => existsSync(file)),
    systemdContainer: read('/run/systemd/container'),
    maxUserWatches: read('/proc/sys/fs/inotify/max_user_watches'),
    maxUserInstances: read('/proc/sys/fs/inotify/max_user_instances'),
    noWatch: refusedWatch(),
    sharedMemory,
    creators: creators.filter((pid) => existsSync(`/proc/${pid}`)),
    unitProperties: askUnit(cgroup),
  }
}
