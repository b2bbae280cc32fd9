// Hosts that the tests do not run on, by what their /proc, /run and environment say. Unless a comment says otherwise the
// texts are as they were read there.
import type { RootFacts } from '../../../src/backend/cgroup/probe.js'
import type { RootCandidate } from '../../../src/backend/cgroup/root.js'
import type { Facts } from '../../../src/doctor/facts.js'
import { type HostTexts, parseHost } from '../../../src/doctor/host.js'

const NO_SWAP = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'
const TESTER_BUS = {
  XDG_RUNTIME_DIR: '/run/user/2000',
  DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/2000/bus',
}

/** A Debian 12 with systemd, on a shell of root's. */
const DEBIAN: HostTexts = {
  mountinfo: '34 29 0:32 / /sys/fs/cgroup rw,relatime shared:6 - cgroup2 cgroup2 rw,nsdelegate\n',
  cgroup: '0::/user.slice/user-0.slice/session-c1.scope\n',
  status: 'Seccomp:\t0\n',
  swaps: NO_SWAP,
  controllers: '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t23\t1\npids\t0\t23\t1\n',
  bootWords: 'root=/dev/vda1 ro quiet\n',
  release: '6.1.0-50-amd64',
  uid: 0,
  user: 'root',
  env: {},
  second: 'kthreadd\n',
  files: ['/run/systemd/system'],
  systemdContainer: '',
  maxUserWatches: '18335\n',
  maxUserInstances: '128\n',
  noWatch: undefined,
  sharedMemory: '',
  creators: [],
  unitProperties: 'OOMPolicy=continue\n',
}

const HYBRID_MOUNTS = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
`
const V2_BESIDE = '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n'

const PODMAN: HostTexts = {
  ...DEBIAN,
  mountinfo:
    '144 137 0:32 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw,nsdelegate\n',
  cgroup: '0::/\n',
  status: 'Seccomp:\t2\n',
  second: 'node\n',
  files: ['/run/.containerenv', '/.dockerenv'],
  unitProperties: undefined,
}

// As Microsoft's kernel and mounts are documented (learn.microsoft.com/windows/wsl), not read on one
const WSL: HostTexts = {
  ...DEBIAN,
  release: '5.15.167.4-microsoft-standard-WSL2',
  files: [],
  cgroup: '0::/\n',
  unitProperties: undefined,
}

export const HOSTS = {
  debian: DEBIAN,
  hybrid: {
    ...DEBIAN,
    mountinfo: HYBRID_MOUNTS + V2_BESIDE,
    cgroup: '4:memory:/\n0::/\n',
    files: [],
    unitProperties: undefined,
  },
  // The hybrid one without its last mount, as with systemd.legacy_systemd_cgroup_controller=1
  v1: {
    ...DEBIAN,
    mountinfo: HYBRID_MOUNTS,
    cgroup: '4:memory:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n',
  },
  login: {
    ...DEBIAN,
    cgroup: '0::/user.slice/user-2001.slice/session-c1.scope\n',
    uid: 2001,
    user: 'visitor',
    env: { XDG_RUNTIME_DIR: '/run/user/2001', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/2001/bus' },
    files: ['/run/systemd/system', '/run/user/2001/bus'],
  },
  systemService: {
    ...DEBIAN,
    cgroup: '0::/system.slice/run-u6.service\n',
    uid: 2000,
    user: 'tester',
    files: ['/run/systemd/system', '/run/user/2000/bus', '/var/lib/systemd/linger/tester'],
    unitProperties: 'OOMPolicy=stop\n',
  },
  userService: {
    ...DEBIAN,
    cgroup: '0::/user.slice/user-2000.slice/user@2000.service/app.slice/run-u2.service\n',
    uid: 2000,
    user: 'tester',
    env: TESTER_BUS,
    files: ['/run/systemd/system', '/run/user/2000/bus', '/var/lib/systemd/linger/tester'],
    unitProperties: 'OOMPolicy=stop\n',
  },
  podman: PODMAN,
  podmanUnmasked: { ...PODMAN, mountinfo: PODMAN.mountinfo.replace(' ro,', ' rw,') },
  // As podman's, without its mark: docker leaves only the one
  docker: { ...PODMAN, files: ['/.dockerenv'] },
  // Kubernetes gives each pod the variable; containerd leaves no mark
  kubernetes: { ...PODMAN, files: [], env: { KUBERNETES_SERVICE_HOST: '10.96.0.1' } },
  wsl: WSL,
  wslWithV1: { ...WSL, mountinfo: HYBRID_MOUNTS + V2_BESIDE },
  wslWithSystemd: { ...WSL, files: ['/run/systemd/system'], systemdContainer: 'wsl\n' },
} satisfies Record<string, HostTexts>

/** A kernel that can do everything, with all controllers. */
export const ABLE: RootFacts = {
  controllers: ['memory', 'pids', 'cpu', 'io'],
  memoryV1: false,
  cloneIntoCgroup: true,
  ownGroupKilled: false,
  cgroupKill: true,
  freeze: true,
  labels: true,
  memoryPeak: true,
  missingLimits: [],
  unseen: [],
  pressure: true,
  noGuard: undefined,
}

/** The facts of a host on which no root was found. */
export function without(host: HostTexts, changes: Partial<HostTexts> = {}): Facts {
  const candidates: RootCandidate[] = [
    { kind: 'own-cgroup', path: undefined, usable: false, why: 'it is not writable' },
  ]
  return {
    host: parseHost({ ...host, ...changes }),
    candidates,
    root: undefined,
    backend: null,
    kernel: undefined,
    refused: undefined,
    others: [],
    capsAround: [],
    noSubreaper: undefined,
  }
}

/** The facts of a host on which `root` was found, with a kernel that differs from an able one by `lacks`. */
export function withRoot(
  host: HostTexts,
  {
    root = '/sys/fs/cgroup',
    lacks = {},
    changes = {},
  }: { root?: string; lacks?: Partial<RootFacts>; changes?: Partial<HostTexts> } = {},
): Facts {
  const candidate: RootCandidate = { kind: 'own-cgroup', path: root, usable: true, why: 'it is writable' }
  return {
    ...without(host, changes),
    candidates: [candidate],
    root: candidate,
    backend: 'cgroup',
    kernel: { ...ABLE, ...lacks },
  }
}
