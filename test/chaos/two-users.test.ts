// Root's gateways on a machine with another user who wants to keep them from starting, to have them end what is not
// theirs, or to keep what they left: none of it has an effect. Each attack has its control, in which the same is done to
// what is not protected, or by who may.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { findMemoryV1 } from '../../src/backend/cgroup/memory-v1.js'
import { loadNative } from '../../src/native/addon.js'
import { KIND } from '../../src/native/language.js'
import { corral } from '../cli/command-line.js'
import { isPopulated } from '../support/cgroup-tree.js'
import { compiled } from '../support/compile-payload.js'
import { eventually } from '../support/eventually.js'
import { Gateway } from '../support/gateway.js'
import { line } from '../support/line.js'
import { openInPen } from '../support/open-in-pen.js'
import { asOther, isRoot, ONLY_ROOT, OTHER_UID, otherShell } from '../support/other-user.js'
import type { Pen } from '../support/pen.js'
import { test as penned } from '../support/pen-test.js'

const guestSource = fileURLToPath(new URL('payloads/door-guest.c', import.meta.url))
const lockerSource = fileURLToPath(new URL('payloads/locker.c', import.meta.url))

const test = penned.extend<{ pen: Pen }>({
  // Others can go as far as to the root, as on any machine
  pen: async ({ pen }, use) => {
    for (const directory of [dirname(pen.path), pen.path]) chmodSync(directory, 0o711)
    await use(pen)
  },
})

/** As releases up to 0.1.0 made them: whoever can list a directory can open it, and whoever can open it can lock it. */
const OLDER_MODE = 0o755

interface Started {
  gateway: Gateway
  id: string
  directory: string
}

/** Root's gateway, with sessions that run. */
async function startGateway(pen: Pen, sessions = 1): Promise<Started> {
  const gateway = await Gateway.open(undefined, { root: pen.path })
  await gateway.sleepers(sessions)
  return { gateway, id: gateway.instance, directory: join(pen.path, 'corral', gateway.instance) }
}

/** A copy of a program where others can execute it. */
async function copied(program: string, mode = 0o755): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'corral-other-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const copy = join(directory, basename(program))
  await copyFile(program, copy)
  chmodSync(directory, 0o755)
  chmodSync(copy, mode)
  return copy
}

interface Lock {
  kind?: 'exclusive' | 'shared'
  /** What the process becomes that has the lock. */
  as?: readonly string[]
}

/** Another user's process that has opened a directory, and can lock it later. */
async function openAsOther(directory: string, { kind = 'exclusive', as = [] }: Lock = {}) {
  const child = asOther(await copied(await compiled(lockerSource)), [directory, kind, ...as])
  await line(child.stdout, /^open$/)
  const ask = () => child.stdin.write('go\n')
  const locked = () => {
    ask()
    return line(child.stdout, /^locked$/)
  }
  return { ask, locked }
}

/** A cgroup with a process in it, which is ended after the test. */
async function cgroupWithProcess(pen: Pen, directory: string): Promise<ChildProcess> {
  mkdirSync(directory, { recursive: true })
  const child = pen.spawn('sleep', ['1000'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  await eventually('it runs', async () => (await pen.members()).includes(child.pid ?? 0))
  writeFileSync(join(directory, 'cgroup.procs'), String(child.pid))
  return child
}

const runs = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null

describe.skipIf(!isRoot)(`locks (${ONLY_ROOT})`, () => {
  test('of root’s instances and of their place cannot be taken by another user', async ({ pen }) => {
    const { directory } = await startGateway(pen)
    const places = [
      join(pen.path, 'corral'),
      directory,
      join(directory, 'sessions'),
      join(directory, 'warden'),
    ]
    for (const place of places) {
      const tried = await otherShell('exec flock -n "$0" true', [place])
      expect({ place, ...tried }).toMatchObject({
        status: expect.any(Number),
        stderr: expect.stringMatching(/denied/),
      })
      expect(tried.status).not.toBe(0)
    }
  })

  test('can be taken where others may list the directory (control)', async ({ pen }) => {
    const open = join(pen.path, 'open')
    mkdirSync(open, { mode: OLDER_MODE })
    expect(await otherShell('exec flock -n "$0" true', [open])).toMatchObject({ status: 0 })
    rmdirSync(open)
  })

  test('of the place of all instances, taken before its mode was changed, keep nobody from starting', async ({
    pen,
  }) => {
    const place = join(pen.path, 'corral')
    mkdirSync(place, { mode: OLDER_MODE })
    const stranger = await openAsOther(place)
    await stranger.locked()
    const first = await openInPen(pen)
    expect(statSync(place).mode & 0o777).toBe(0o711)
    expect(await corral(['run', '--root', pen.path, '--', 'true'])).toMatchObject({ status: 0, stderr: '' })
    expect(await corral(['sweep', '--root', pen.path])).toMatchObject({
      stdout: 'nothing to collect (1 live)\n',
    })
    expect((await first.sweep()).live).toEqual([first.id])
  })

  const lockers: [string, () => Promise<Lock>][] = [
    ['exclusive', async () => ({})],
    ['shared', async () => ({ kind: 'shared' })],
    [
      'of a process that has ended, in its child',
      async () => ({ as: ['/bin/sh', '-c', 'sleep 1000 & exit'] }),
    ],
    // It does nothing but wait, as su does for a password
    ['of a program that is setuid root', async () => ({ as: [await copied('/bin/sleep', 0o4755), '1000'] })],
  ]

  for (const [what, lock] of lockers)
    test(`of a dead instance, ${what}, do not keep it from being collected`, async ({ pen }) => {
      const { gateway, id, directory } = await startGateway(pen, 2)
      chmodSync(directory, OLDER_MODE)
      chmodSync(join(pen.path, 'corral'), OLDER_MODE)
      const stranger = await openAsOther(directory, await lock())
      await gateway.killWithGuard(pen.path)
      await stranger.locked()
      expect(await pen.members()).toHaveLength(2)
      const { stdout } = await corral(['ls', '--root', pen.path])
      expect(stdout).toMatch(/dead: was pid/)
      expect(await corral(['sweep', '--root', pen.path])).toMatchObject({
        status: 0,
        stdout: `collected ${id}: 2 sessions, 2 processes\n`,
      })
      expect(await pen.members()).toEqual([])
      expect(await pen.groups()).toEqual([])
    })

  test('of a live instance whose directory others may open are still its owner’s', async ({ pen }) => {
    const { id, directory } = await startGateway(pen, 1)
    chmodSync(directory, OLDER_MODE)
    chmodSync(join(pen.path, 'corral'), OLDER_MODE)
    const stranger = await openAsOther(directory)
    stranger.ask()
    await eventually('it waits for the lock', () => readFileSync('/proc/locks', 'utf8').includes('-> FLOCK'))
    expect((await (await openInPen(pen)).sweep()).live).toContain(id)
    expect(await pen.members()).toHaveLength(1)
  })

  test.for([
    ['alone, as its owner would,', 'exclusive', '1 live'],
    ['shared, as who collects it would,', 'shared', '0 live, 1 ending'],
  ] as const)(
    'that root holds %s keep an instance from being collected (control)',
    async ([, kind, told], { pen }) => {
      const { gateway, directory } = await startGateway(pen, 1)
      await gateway.killWithGuard(pen.path)
      const own = spawn(await compiled(lockerSource), [directory, kind])
      onTestFinished(() => void own.kill('SIGKILL'))
      own.stdin.write('go\n')
      await line(own.stdout, /^locked$/)
      expect(await corral(['sweep', '--root', pen.path])).toMatchObject({
        stdout: `nothing to collect (${told})\n`,
      })
      expect(await pen.members()).toHaveLength(1)
      own.kill('SIGKILL')
      await eventually('it is collected', async () => {
        await corral(['sweep', '--root', pen.path])
        return (await pen.members()).length === 0
      })
    },
  )

  test('of a live instance tell that it is one, where its label is gone', async ({ pen }) => {
    const { gateway, id, directory } = await startGateway(pen, 1)
    loadNative().setLabel(directory, 'user.corral.pid', '')
    const swept = await corral(['sweep', '--root', pen.path])
    expect(swept.stdout).toBe('nothing to collect (1 live)\n')
    const killed = await corral(['kill', '--instance', id, '--root', pen.path])
    expect(killed).toMatchObject({ status: 0, stdout: expect.stringMatching(/: gone \(1 killed\)\n$/) })
    expect(await pen.members()).toEqual([])
    await gateway.killWithGuard(pen.path)
    loadNative().setLabel(directory, 'user.corral.pid', '1') // for the next sweep
  })
})

describe.skipIf(!isRoot)(`directories (${ONLY_ROOT})`, () => {
  const label = (directory: string) => loadNative().setLabel(directory, 'user.corral.pid', '1')
  const foreign: [string, string, (directory: string) => void, RegExp][] = [
    ['another name', 'my-own-batch-job', label, /its name/],
    ['a name that is almost one', 'i0123456789a', label, /its name/],
    ['the name of an instance without its label', 'i0123456789', () => undefined, /no label/],
    [
      'a label that is no pid',
      'i0123456789',
      (at) => loadNative().setLabel(at, 'user.corral.pid', 'me'),
      /no label/,
    ],
    [
      'name and label of an instance, and another owner',
      'i0123456789',
      (at) => {
        label(at)
        chownSync(at, OTHER_UID, OTHER_UID)
      },
      new RegExp(`uid ${OTHER_UID}`),
    ],
  ]

  for (const [what, name, make, why] of foreign)
    test(`with ${what} are told of, and left with all that lives in them`, async ({ pen }) => {
      const directory = join(pen.path, 'corral', name)
      const child = await cgroupWithProcess(pen, directory)
      make(directory)
      const report = {
        collected: [],
        live: [],
        foreign: [{ path: directory, why: expect.stringMatching(why) }],
      }
      for (const words of [['sweep', '--dry-run'], ['sweep']]) {
        const { stdout } = await corral([...words, '--json', '--root', pen.path])
        expect(JSON.parse(stdout)).toMatchObject(report)
      }
      const opened = await openInPen(pen)
      expect(opened.swept).toMatchObject({ foreign: [{ path: directory }] })
      await opened.close()
      expect(await corral(['run', '--root', pen.path, '--', 'true'])).toMatchObject({ status: 0, stderr: '' })
      const told = `left ${directory}: it is not Corral's: `
      expect((await corral(['ls', '--root', pen.path])).stdout).toContain(told)
      for (const [words, status] of [[['--all'], 0] as const, [['--instance', name], 1] as const])
        expect(await corral(['kill', ...words, '--root', pen.path])).toMatchObject({
          status,
          stdout: expect.stringContaining(told),
        })
      const { gateway, directory: own } = await startGateway(pen)
      gateway.child.kill('SIGKILL') // its guard sweeps
      await eventually('its guard is done', () => !existsSync(own))
      expect(runs(child)).toBe(true)
      expect(await isPopulated(directory)).toBe(true)
    })

  test('with name, label and owner of an instance are collected (control)', async ({ pen }) => {
    const directory = join(pen.path, 'corral/i0123456789')
    const child = await cgroupWithProcess(pen, directory)
    label(directory)
    expect((await (await openInPen(pen)).sweep()).foreign).toBeUndefined()
    await eventually('it is killed', () => !runs(child))
    expect(existsSync(directory)).toBe(false)
  })

  test('of another user where instances would be made are refused', async ({ pen }) => {
    const place = join(pen.path, 'corral')
    mkdirSync(place)
    chownSync(place, OTHER_UID, OTHER_UID)
    await expect(openInPen(pen)).rejects.toMatchObject({ code: 'CORRAL_NO_ROOT', path: place })
    chownSync(place, 0, 0)
    await openInPen(pen) // control
  })

  test('of a session let a session with a uid of its own read its own limits, and list nothing', async ({
    pen,
  }) => {
    const corrals = await openInPen(pen)
    const session = await corrals.spawn({ command: 'cat', mode: 'persistent' })
    const own = join(session.receipt.path, 'cgroup.events')
    expect(await otherShell('cat "$0"', [own])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/populated 1/),
    })
    const limit = join(session.receipt.path, 'cgroup.max.descendants')
    expect(await otherShell('echo max > "$0"', [limit])).toMatchObject({
      stderr: expect.stringMatching(/denied/),
    })
    const above = [session.receipt.path, join(pen.path, 'corral', corrals.id)]
    for (const directory of above)
      expect(await otherShell('ls "$0"', [directory])).toMatchObject({
        stderr: expect.stringMatching(/denied/),
      })
  })
})

describe.skipIf(!isRoot)(`doors of sessions without cgroups (${ONLY_ROOT})`, () => {
  /** A session of root's, and the name of its door. */
  async function session(pen: Pen) {
    const gateway = await Gateway.open(pen, { backend: 'subreaper' })
    const key = 'two-users'
    const { args } = await gateway.wrap(['cat'], { key, mode: 'persistent' })
    await gateway.spawn({ key: 'sleeper', command: 'sleep', args: ['1000'] })
    return { gateway, key, door: args[args.indexOf('--door') + 1] ?? '' }
  }

  const words: [string, string[]][] = [
    ['ends it', [KIND.end, 0, 1000].map(String)],
    ['asks what it is', [KIND.show, 0, 0].map(String)],
    ['joins it', [KIND.join, 1, 0].map(String)],
  ]

  for (const [what, word] of words)
    test(`are closed to another user who ${what}`, async ({ pen }) => {
      const { gateway, door } = await session(pen)
      const program = await copied(await compiled(guestSource))
      const { stdout } = await otherShell('exec "$0" "$@"', [program, door, ...word])
      expect(stdout.replace(/^unsaid .*\n/, '')).toBe('closed\n')
      expect(await gateway.held()).toHaveLength(1)
      // Control: they are not, to root
      const own = spawn(program, [door, ...word], { stdio: ['ignore', 'pipe', 'inherit'] })
      onTestFinished(() => void own.kill('SIGKILL'))
      await line(own.stdout, /^word/)
    })

  test('that another user has planted show root nothing', async ({ pen }) => {
    const { gateway } = await session(pen)
    const [program, labels] = [
      await copied(await compiled(guestSource)),
      await copied('/etc/hostname', 0o644),
    ]
    const name = `corral-door-${'ab'.repeat(12)}`
    const host = asOther(program, [name, 'host', labels])
    await line(host.stdout, /^open$/)
    const { stdout } = await corral(['ls', '--backend', 'subreaper', '--json'])
    const instances = (JSON.parse(stdout) as { instances: { instance: string }[] }).instances
    expect(instances.map(({ instance }) => instance)).toContain(gateway.instance)
    expect(await corral(['kill', 'nobody', '--backend', 'subreaper'])).toMatchObject({ status: 1 })
  })

  // The overflow uid is that of the gateway here, and of everybody who is not mapped
  test('are closed to users without a uid in the user namespace of the gateway', async ({ pen }) => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const by = [...nobody, 'unshare', '--user', '--map-user=65534', '--map-group=65534']
    const gateway = await Gateway.open(pen, { backend: 'subreaper' }, { by })
    const { args } = await gateway.wrap(['cat'], { key: 'mapped', mode: 'persistent' })
    await gateway.spawn({ key: 'sleeper', command: 'sleep', args: ['1000'] })
    const door = args[args.indexOf('--door') + 1] ?? ''
    const word = [KIND.end, 0, 1000].map(String)
    const program = await copied(await compiled(guestSource))
    const strangers = await otherShell('exec "$0" "$@"', [program, door, ...word])
    expect(strangers.stdout.replace(/^unsaid .*\n/, '')).toBe('closed\n')
    expect(await gateway.ask('members', 'sleeper')).toHaveLength(1)
    // Control: who is mapped to that uid is the gateway's own user
    const own = asOther(program, [door, ...word], 65534)
    await line(own.stdout, new RegExp(`^word ${KIND.ended}$`))
  })
})

describe.skipIf(!isRoot)(`links that another user has planted (${ONLY_ROOT})`, () => {
  const CONFIG = '{"agents":{"x":{"command":"claude-agent-acp"}}}\n'
  const setup = (file: string, ...more: string[]) => corral(['setup', 'acpx', '--file', file, ...more])

  /** A directory of that user's with a configuration, and a file of root's that is none of that user's business. */
  async function homeOfOther() {
    const base = await mkdtemp(join(tmpdir(), 'corral-home-'))
    onTestFinished(() => rm(base, { recursive: true }))
    const [home, precious, file] = [
      join(base, 'home'),
      join(base, 'precious.json'),
      join(base, 'home/c.json'),
    ]
    mkdirSync(home)
    for (const [place, text] of [
      [file, CONFIG],
      [precious, CONFIG.replace('x', 'y')],
    ] as const)
      writeFileSync(place, text, { mode: 0o600 })
    for (const place of [home, file]) chownSync(place, OTHER_UID, OTHER_UID)
    chmodSync(base, 0o755)
    return { home, file, precious, text: CONFIG.replace('x', 'y') }
  }

  test('in the place of the backup are replaced, not followed', async () => {
    const { file, precious, text } = await homeOfOther()
    const { stdout } = await setup(file, '--write')
    const backup = /\/\S+before-corral-\w+/.exec(stdout)?.[0] ?? ''
    expect(await setup(file, '--undo')).toMatchObject({ status: 0 })
    await otherShell('ln -s "$0" "$1"', [precious, backup])
    expect(await setup(file, '--write')).toMatchObject({ status: 0 })
    expect(readFileSync(precious, 'utf8')).toBe(text)
    expect(readFileSync(backup, 'utf8')).toBe(CONFIG)
    expect(statSync(backup)).toMatchObject({ uid: OTHER_UID })
  })

  test('in the place of the backup do not give root’s files to them', async () => {
    const { file, precious, text } = await homeOfOther()
    const { stdout } = await setup(file, '--write')
    const backup = /\/\S+before-corral-\w+/.exec(stdout)?.[0] ?? ''
    await otherShell('rm "$1" && ln -s "$0" "$1"', [precious, backup])
    expect(await setup(file, '--undo')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/expected a file, found a link/),
    })
    expect(readFileSync(file, 'utf8')).not.toBe(text)
  })

  test('in the place of the configuration, or of a directory above it, are refused', async () => {
    const { home, file, precious, text } = await homeOfOther()
    await otherShell('rm "$1" && ln -s "$0" "$1"', [precious, file])
    await otherShell('ln -s "$0" "$1"', [dirname(precious), join(home, 'above')])
    for (const path of [file, join(home, 'above/precious.json'), join(home, 'above/home/../precious.json')])
      expect(await setup(path, '--write')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(new RegExp(`uid ${OTHER_UID} has a link on the way`)),
      })
    expect(readFileSync(precious, 'utf8')).toBe(text)
  })

  test('to another file of theirs are followed, and a FIFO is not waited for (control)', async () => {
    const { home, file } = await homeOfOther()
    const link = join(home, 'link.json')
    await otherShell('ln -s c.json "$0"', [link])
    expect(await setup(link, '--write')).toMatchObject({ status: 0 })
    expect(readFileSync(file, 'utf8')).not.toBe(CONFIG)
    expect(statSync(file)).toMatchObject({ uid: OTHER_UID, mode: 0o100600 })
    await otherShell('mkfifo "$0"', [join(home, 'fifo')])
    expect(await setup(join(home, 'fifo'), '--write')).toMatchObject({
      stderr: expect.stringMatching(/expected a regular file/),
    })
  })
})

const memoryV1 = findMemoryV1()

describe.skipIf(!isRoot || memoryV1 === undefined)(
  `labels in another user’s tree (${ONLY_ROOT}, memory of cgroup v1)`,
  () => {
    const NAME = 'i0123456789'
    const own = (path: string) => chownSync(path, OTHER_UID, OTHER_UID)

    /** The tree of that user with an instance and a session, whose label names that as the twin of its sessions. */
    function treeOfOther(pen: Pen, home: string): void {
      const instance = join(pen.path, 'corral', NAME)
      mkdirSync(join(instance, 'sessions/led/agent'), { recursive: true })
      loadNative().setLabel(instance, 'user.corral.pid', '1')
      loadNative().setLabel(instance, 'user.corral.memory', home)
      for (const below of [
        '',
        'corral',
        `corral/${NAME}`,
        `corral/${NAME}/sessions`,
        `corral/${NAME}/sessions/led`,
      ])
        own(join(pen.path, below))
    }

    const set = (pen: Pen) => corral(['set', 'led', '--memory-max', '64M', '--root', pen.path])

    test('lead root’s corral set to no file behind a link', async ({ pen }) => {
      const base = await mkdtemp(join(tmpdir(), 'corral-led-'))
      onTestFinished(() => rm(base, { recursive: true }))
      const [precious, home] = [join(base, 'precious'), join(base, `corral-${NAME}`)]
      writeFileSync(precious, '99999999999\n')
      mkdirSync(join(home, 'led/agent'), { recursive: true })
      for (const place of [home, join(home, 'led/agent')])
        symlinkSync(precious, join(place, 'memory.limit_in_bytes'))
      treeOfOther(pen, home)
      expect((await set(pen)).status).toBe(1)
      expect(readFileSync(precious, 'utf8')).toBe('99999999999\n')
    })

    for (const [what, owner] of [
      ['lead root’s corral set and sweep to no cgroup of somebody else’s', 0],
      ['lead root’s corral set to a cgroup of that user’s (control)', OTHER_UID],
    ] as const)
      test(what, async ({ pen }) => {
        const home = join(memoryV1 ?? '', `corral-${NAME}`)
        const twins = [home, join(home, 'led'), join(home, 'led/agent')]
        onTestFinished(() => {
          for (const twin of twins.toReversed()) if (existsSync(twin)) rmdirSync(twin)
        })
        for (const twin of twins) {
          mkdirSync(twin)
          chownSync(twin, owner, owner)
        }
        treeOfOther(pen, home)
        const limit = () => readFileSync(join(home, 'led/agent/memory.limit_in_bytes'), 'utf8')
        const before = limit()
        expect((await set(pen)).status).toBe(owner === 0 ? 1 : 0)
        expect(limit() === before).toBe(owner === 0)
        await corral(['sweep', '--root', pen.path])
        expect(existsSync(join(home, 'led/agent'))).toBe(owner === 0)
      })
  },
)
