// What the doctor says of hosts that it is not on: the verdicts, and the exact fix for each.
import { describe, expect, test } from 'vitest'
import type { RootFacts } from '../../../src/backend/cgroup/probe.js'
import { type Finding, judge } from '../../../src/doctor/doctor.js'
import { parseHost, unitOf } from '../../../src/doctor/host.js'
import { HOSTS, without, withRoot } from '../../kernel/doctor/hosts.js'

function finding(findings: Finding[], id: string): Finding {
  const found = findings.find((one) => one.id === id)
  if (!found) throw new Error(`nothing is said of ${id}`)
  return found
}

const BOOT = /^Boot with systemd\.unified_cgroup_hierarchy=1 cgroup_no_v1=all: .*\/etc\/default\/grub/

describe('a host', () => {
  test.each([
    ['debian', { layout: 'unified', container: null, wsl: false, systemd: true, v1Controllers: [] }],
    ['hybrid', { layout: 'hybrid', v1Controllers: ['memory', 'pids', 'cpu', 'io'], unit: null }],
    ['v1', { layout: 'v1', unit: { name: 'session-1.scope', manager: 'system', oomPolicy: 'continue' } }],
    ['login', { lingers: false, bus: { exists: true, inEnvironment: true } }],
    [
      'systemService',
      {
        lingers: true,
        bus: { exists: true, inEnvironment: false },
        unit: { name: 'run-u6.service', manager: 'system', oomPolicy: 'stop' },
      },
    ],
    ['userService', { unit: { name: 'run-u2.service', manager: 'user', oomPolicy: 'stop' } }],
    ['podman', { container: 'podman', seccomp: true, unit: null }],
    ['docker', { container: 'docker' }],
    ['kubernetes', { container: 'kubernetes' }],
    ['wslWithSystemd', { container: null, wsl: true, systemd: true }],
  ] as const)('%s is told for what it is', (name, facts) => {
    expect(parseHost(HOSTS[name])).toMatchObject(facts)
  })

  test('that was made from a container’s image is no container', () => {
    expect(parseHost({ ...HOSTS.docker, second: 'kthreadd\n' }).container).toBeNull()
  })

  test.each([
    ['/', undefined],
    ['/user.slice', undefined],
    ['/system.slice/gateway.service/supervisor', { name: 'gateway.service', manager: 'system' }],
    ['/user.slice/user-1.slice/user@1.service/app.slice/a.scope', { name: 'a.scope', manager: 'user' }],
    ['/user.slice/user-1.slice/user@1.service/init.scope', { name: 'init.scope', manager: 'user' }],
    ['/user.slice/user-1.slice/user@1.service', { name: 'user@1.service', manager: 'system' }],
  ])('has the unit of %s', (cgroup, unit) => {
    expect(unitOf(cgroup)).toEqual(unit)
  })
})

describe('where no cgroup can be built in', () => {
  test.each([
    ['v1', BOOT],
    ['podman', /^podman run --cgroupns=private --security-opt unmask=\/sys\/fs\/cgroup .*--systemd=always/],
    ['docker', /^docker run --cgroupns=private --security-opt writable-cgroups=true .*--privileged/],
    ['kubernetes', /cgroup_writable = true.*cgroup2-mount-hierarchy-rw/],
    ['wsl', /^In \/etc\/wsl\.conf, section \[boot\]: systemd=true; then `wsl --shutdown`/],
    ['login', /systemd-run --user --scope -p Delegate=yes COMMAND/],
    [
      'systemService',
      /^systemctl edit run-u6\.service: section \[Service\], Delegate=yes; then systemctl restart run-u6\.service$/,
    ],
    ['userService', /^systemctl --user edit run-u2\.service: .*Delegate=yes/],
  ] as const)('on %s: FAIL, and how to get one', (name, fix) => {
    expect(finding(judge(without(HOSTS[name])), 'held')).toMatchObject({
      verdict: 'FAIL',
      why: 'own-cgroup: it is not writable',
      fix: expect.stringMatching(fix),
    })
  })

  test('and none is mounted: mount one', () => {
    const findings = judge(without(HOSTS.debian, { mountinfo: '', files: [] }))
    expect(finding(findings, 'held').fix).toBe('mount -t cgroup2 none /sys/fs/cgroup')
  })

  test('whom a session can have start something is told of: CAUTION', () => {
    const others = ['cron: what crontab(1) has it start is its own']
    expect(finding(judge({ ...withRoot(HOSTS.debian), others }), 'others')).toMatchObject({
      verdict: 'CAUTION',
      why: expect.stringContaining(others[0] ?? ''),
      fix: expect.stringMatching(/a user of its own.*NoNewPrivileges=yes/),
    })
    expect(finding(judge(withRoot(HOSTS.debian)), 'others').verdict).toBe('PASS')
  })

  test('an ordinary user without systemd is told to be given one', () => {
    const findings = judge(without(HOSTS.debian, { uid: 1000, files: [] }))
    expect(finding(findings, 'held').fix).toMatch(/chown -R USER .*cgroup\.procs/)
  })

  test('nothing is promised of what needs one', () => {
    expect(judge(without(HOSTS.podman)).map(({ id }) => id)).toEqual(['held', 'watches'])
  })

  test('but a subreaper holds sessions: CAUTION with the same fix, and no limits', () => {
    const findings = judge({ ...without(HOSTS.podman), backend: 'subreaper' })
    const fix = expect.stringMatching(/^podman run/)
    expect(finding(findings, 'held')).toMatchObject({ verdict: 'CAUTION', fix })
    expect(finding(findings, 'guard').verdict).toBe('PASS')
    for (const id of ['memory', 'io'])
      expect(finding(findings, id)).toMatchObject({ verdict: 'CAUTION', fix })
    for (const id of ['pids', 'cpu']) expect(finding(findings, id)).toMatchObject({ verdict: 'FAIL', fix })
  })

  test('and no subreaper can be had either, its reason is told as well', () => {
    const findings = judge({ ...without(HOSTS.podman), noSubreaper: 'it cannot be started' })
    expect(finding(findings, 'held').why).toBe(
      'own-cgroup: it is not writable; subreaper: it cannot be started',
    )
  })

  test('because nothing can be made in the one that was found, the refusal is told', () => {
    const facts = {
      ...withRoot(HOSTS.debian),
      backend: null,
      kernel: undefined,
      refused: 'nothing can be made below it',
    }
    expect(finding(judge(facts), 'held')).toMatchObject({
      verdict: 'FAIL',
      why: '/sys/fs/cgroup: nothing can be made below it',
    })
  })
})

test('a given root that is not usable: leave it out, or name another', () => {
  const facts = without(HOSTS.podman)
  const candidates = [{ kind: 'explicit' as const, path: '/x', usable: false, why: 'it does not exist' }]
  expect(finding(judge({ ...facts, candidates }), 'held').fix).toMatch(
    /^Leave --root \(CORRAL_ROOT\) out .* or name /,
  )
})

describe('an ordinary user who could ask systemd', () => {
  test('and whose environment does not name the bus, is told what to set', () => {
    expect(finding(judge(without(HOSTS.systemService)), 'bus')).toMatchObject({
      verdict: 'CAUTION',
      fix: 'export XDG_RUNTIME_DIR=/run/user/2000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/2000/bus',
    })
  })

  test('and has no manager, is told to linger', () => {
    const facts = without(HOSTS.login, { files: ['/run/systemd/system'], env: {} })
    expect(finding(judge(facts), 'bus').fix).toBe('loginctl enable-linger visitor')
  })

  test.each(['login', 'debian', 'podman'] as const)('is not spoken of on %s', (name) => {
    expect(judge(without(HOSTS[name])).map(({ id }) => id)).not.toContain('bus')
  })
})

describe('below a root', () => {
  test('that can do everything, all is PASS', () => {
    const findings = judge(withRoot(HOSTS.debian))
    expect(findings.filter(({ verdict }) => verdict !== 'PASS')).toEqual([])
    expect(findings.map(({ id }) => id)).toEqual([
      'held',
      'placed',
      'empty',
      'guard',
      'memory',
      'swap',
      'pids',
      'cpu',
      'io',
      'oom',
      'watches',
      'others',
    ])
  })

  test.each([
    ['an old kernel', HOSTS.debian, { release: '5.4.0' }, /^Linux 5\.7 or newer \(this is 5\.4\.0\)$/],
    [
      'a container’s seccomp filter',
      HOSTS.podmanUnmasked,
      {},
      /--security-opt seccomp=FILE, or seccomp=unconfined/,
    ],
    ['a unit’s seccomp filter', HOSTS.debian, { status: 'Seccomp:\t2\n' }, /SystemCallFilter=/],
  ])('that %s keeps clone3 from, processes join their group: CAUTION', (_, host, changes, fix) => {
    const findings = judge(withRoot(host, { lacks: { cloneIntoCgroup: false }, changes }))
    expect(finding(findings, 'placed')).toMatchObject({ verdict: 'CAUTION', fix: expect.stringMatching(fix) })
  })

  test('from which nothing can be cloned into another group, as its own was killed once: CAUTION', () => {
    const facts = withRoot(HOSTS.debian, { lacks: { cloneIntoCgroup: false, ownGroupKilled: true } })
    expect(finding(judge(facts), 'placed')).toMatchObject({
      verdict: 'CAUTION',
      why: expect.stringContaining('was once ended by cgroup.kill'),
      fix: expect.stringMatching(/^Start the gateway in a new cgroup/),
    })
  })

  test('of a kernel without cgroup.kill: CAUTION', () => {
    const findings = judge(
      withRoot(HOSTS.debian, { lacks: { cgroupKill: false }, changes: { release: '5.10.0-32' } }),
    )
    expect(finding(findings, 'empty')).toMatchObject({
      verdict: 'CAUTION',
      fix: 'Linux 5.14 or newer (this is 5.10.0-32)',
    })
  })

  test('where no guard can be started: FAIL', () => {
    const findings = judge(withRoot(HOSTS.debian, { lacks: { noGuard: 'it cannot be started' } }))
    expect(finding(findings, 'guard')).toMatchObject({ verdict: 'FAIL', why: 'it cannot be started' })
  })
})

describe('a root without controllers', () => {
  const NONE = { controllers: [], missingLimits: [] }

  test.each([
    ['hybrid', {}, BOOT],
    ['podmanUnmasked', { mountinfo: HOSTS.hybrid.mountinfo }, /^On the host of the container: Boot with /],
    [
      'wslWithV1',
      {},
      /^In %UserProfile%\\\.wslconfig, section \[wsl2\]: kernelCommandLine = cgroup_no_v1=all/,
    ],
    [
      'userService',
      {},
      /user@\.service\.d\/delegate\.conf, section \[Service\]: Delegate=cpu cpuset io memory pids/,
    ],
    ['podmanUnmasked', {}, /^Start the container from where \w+ is delegated/],
    ['debian', {}, /^Turn \w+ on above the root/],
  ] as const)('on %s %j: what gives them', (name, changes, fix) => {
    const findings = judge(withRoot(HOSTS[name], { lacks: NONE, changes }))
    for (const [id, verdict] of [
      ['memory', 'CAUTION'],
      ['pids', 'FAIL'],
      ['cpu', 'FAIL'],
      ['io', 'CAUTION'],
      ['oom', 'CAUTION'],
    ] as const)
      expect(finding(findings, id)).toMatchObject({ verdict, fix: expect.stringMatching(fix) })
  })

  test('of memory, which v1 has: told what it holds', () => {
    const findings = judge(withRoot(HOSTS.debian, { lacks: { ...NONE, memoryV1: true } }))
    expect(finding(findings, 'memory')).toMatchObject({
      verdict: 'CAUTION',
      why: expect.stringMatching(/that of cgroup v1 holds memoryMax/),
    })
    expect(finding(findings, 'oom').verdict).toBe('PASS')
  })

  test.each([
    { controllers: 'memory\t0\t1\t0\ncpu\t0\t1\t1\n' },
    { bootWords: 'coherent_pool=1M cgroup_disable=memory root=/dev/mmcblk0p2\n' },
    { bootWords: 'quiet cgroup_disable=hugetlb,memory\n' },
  ])('because they were turned off at boot, is told so: %o', (changes) => {
    const findings = judge(withRoot(HOSTS.debian, { lacks: { controllers: ['cpu', 'pids', 'io'] }, changes }))
    expect(finding(findings, 'memory').fix).toMatch(
      /take memory out of cgroup_disable= .* cgroup_enable=memory/,
    )
  })

  test('for disks, though it has io: ioWeight is refused', () => {
    const findings = judge(withRoot(HOSTS.debian, { lacks: { missingLimits: ['ioWeight'] } }))
    expect(finding(findings, 'io')).toMatchObject({
      verdict: 'CAUTION',
      why: expect.stringContaining('ioWeight is refused'),
    })
  })

  test('for disks, where io is turned on nowhere: what this kernel has of it is not claimed', () => {
    const findings = judge(withRoot(HOSTS.debian, { lacks: { unseen: ['io'] } }))
    expect(finding(findings, 'io')).toMatchObject({
      verdict: 'CAUTION',
      why: expect.stringContaining('cannot be seen'),
    })
  })
})

describe('swap', () => {
  const SWAP = { swaps: 'Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n' }

  const UNCOUNTED: Partial<RootFacts> = { missingLimits: ['swapMax'] }
  const UNCAPPED: Partial<RootFacts> = { controllers: [] }

  test.each([
    ['that there is not', {}, {}, 'PASS'],
    ['that the kernel counts', {}, SWAP, 'PASS'],
    ['that the kernel does not count', UNCOUNTED, SWAP, 'CAUTION'],
    ['without a memory controller', UNCAPPED, SWAP, 'CAUTION'],
  ])('%s', (_, lacks, changes, verdict) => {
    expect(finding(judge(withRoot(HOSTS.debian, { lacks, changes })), 'swap').verdict).toBe(verdict)
  })

  test('is added up', () => {
    expect(parseHost({ ...HOSTS.debian, ...SWAP }).swapBytes).toBe(2097148 * 1024)
  })
})

describe('the unit of the gateway', () => {
  const inside = '/sys/fs/cgroup/system.slice/run-u6.service'

  test.each([
    ['OOMPolicy=stop\n', 'FAIL'],
    ['OOMPolicy=kill\n', 'FAIL'],
    ['OOMPolicy=continue\n', 'PASS'],
    ['OOMPolicy=\n', 'PASS'],
    [undefined, 'CAUTION'],
  ])('with %j, and the sessions in it: %s', (unitProperties, verdict) => {
    const facts = withRoot(HOSTS.systemService, { root: inside, changes: { unitProperties } })
    expect(finding(judge(facts), 'oom').verdict).toBe(verdict)
  })

  test('that is stopped for a session is mended by a drop-in', () => {
    expect(finding(judge(withRoot(HOSTS.systemService, { root: inside })), 'oom').fix).toBe(
      'systemctl edit run-u6.service: section [Service], OOMPolicy=continue; then restart run-u6.service',
    )
  })

  test('does not matter to sessions elsewhere', () => {
    expect(finding(judge(withRoot(HOSTS.systemService, { root: '/sys/fs/cgroup' })), 'oom').verdict).toBe(
      'PASS',
    )
  })

  test.each([
    [HOSTS.userService.files, 'PASS', undefined],
    [['/run/systemd/system'], 'CAUTION', 'loginctl enable-linger tester'],
  ])('that is a user’s, with %j', (files, verdict, fix) => {
    const found = finding(judge(withRoot(HOSTS.userService, { changes: { files } })), 'linger')
    expect({ verdict: found.verdict, fix: found.fix }).toEqual({ verdict, fix })
  })
})

test('SysV segments of who has ended are counted, unless somebody is attached', () => {
  const head = 'key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap'
  const row = (id: number, creator: number, attached: number) =>
    `0 ${id} 600 9437184 ${creator} 0 ${attached} 0 0 0 0 0 0 1000 8388608 1048576`
  const sharedMemory = [head, row(1, 100, 0), row(2, 200, 0), row(3, 100, 1), row(4, 100, 0), ''].join('\n')
  const changes = { sharedMemory, creators: [200] }
  expect(finding(judge(withRoot(HOSTS.debian, { changes })), 'segments')).toMatchObject({
    verdict: 'CAUTION',
    why: expect.stringMatching(/^2 SysV segments, with 18 MiB together/),
    fix: expect.stringMatching(/ipcrm -m ID \(the first is 1\)/),
  })
})

describe('inotify', () => {
  test.each([
    [{ maxUserWatches: '8191\n' }, 'CAUTION', /max_user_watches=524288/],
    [
      { noWatch: "ENOSPC: System limit for number of file watchers reached, watch '/'" },
      'FAIL',
      /max_user_watches=524288/,
    ],
    [{ noWatch: "EMFILE: too many open files, watch '/'" }, 'FAIL', /max_user_instances=1024/],
  ])('with %j', (changes, verdict, fix) => {
    const found = finding(judge(withRoot(HOSTS.debian, { changes })), 'watches')
    expect(found).toMatchObject({ verdict, fix: expect.stringMatching(fix) })
  })
})

test('every finding that is no PASS has a fix, and no PASS has one', () => {
  const facts = Object.values(HOSTS).flatMap((host) => [
    without(host),
    withRoot(host),
    withRoot(host, {
      lacks: { controllers: [], cloneIntoCgroup: false, cgroupKill: false, noGuard: 'none' },
    }),
  ])
  for (const { id, verdict, fix, why } of facts.flatMap(judge)) {
    expect({ id, fixed: fix !== undefined && fix !== '' }).toEqual({ id, fixed: verdict !== 'PASS' })
    expect(why).not.toBe('')
  }
})
