// Sessions that hide, close or bury the way to their group: with mounts, with modes, with depth. Each ends all the same, and
// nothing that is not theirs is touched. What a gateway has made it knows by descriptors (native/core/path.h).
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { corral } from '../cli/command-line.js'
import { compiled } from '../support/compile-payload.js'
import { eventually } from '../support/eventually.js'
import { Gateway, type How } from '../support/gateway.js'
import { lacks } from '../support/lacks.js'
import { isRoot, OTHER_UID } from '../support/other-user.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

/** What the script of a session has: the way to its own group, by names. */
function placesOf(root: string): string {
  const mount = cgroupMount()
  return `mount=${mount} root=${root} own=${mount}$(sed -n 's,^0::,,p' /proc/self/cgroup)
family=\${own%/*} sessions=\${family%/*} instance=\${sessions%/*} corral=\${instance%/*}`
}

function cgroupMount(): string {
  const line = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .find((one) => one.split(' ')[2] === 'cgroup2')
  return line?.split(' ')[1] ?? ''
}

const ENDINGS = ['close', 'the gateway’s death', 'a sweep'] as const
type Ending = (typeof ENDINGS)[number]

const ROUNDS = process.env['CORRAL_ESCAPE_ROUNDS'] !== undefined
let turn = 0

/** Each in its turn; all of them where the escape tests run in rounds: `npm run test:escape`. */
const inTurn = (possible: readonly Ending[] = ENDINGS) =>
  ROUNDS ? possible : [possible[turn++ % possible.length] ?? 'close']

/** A gateway with a session that has done something to the way to it, and another one beside it. */
async function begunHidden(pen: Pen, script: string, how: How): Promise<Gateway> {
  const gateway = await Gateway.open(pen, { root: pen.path, graceMs: 0, killTimeoutMs: 60_000 }, how)
  await gateway.spawn({ key: 'beside', command: 'sleep', args: ['1000'] })
  await gateway.spawn(
    {
      key: 'hides',
      command: 'sh',
      args: ['-c', `${placesOf(pen.path)}\n${script}\necho done; sleep 1001 & exec sleep 1000`],
    },
    'done',
  )
  // Those that have not been executed yet are shells
  await eventually('three processes sleep', () => living(pen, 'sleep').length === 3, {
    instead: () => living(pen),
  })
  return gateway
}

/** Lets a session do something to the way to it, ends it, and sees that nobody is left and that the other session stayed. */
async function endHidden(pen: Pen, script: string, ending: Ending, how: How): Promise<void> {
  const gateway = await begunHidden(pen, script, how)
  if (ending === 'close') {
    const report = await gateway.close('hides', { graceMs: 0 })
    expect(report.killed.count).toBe(2)
    expect(living(pen, 'sleep')).toHaveLength(1)
    await gateway.leave()
  } else if (ending === 'a sweep') {
    await gateway.killWithGuard(pen.path)
    const sweeper = await Gateway.open(pen, { root: pen.path }, how)
    await sweeper.leave()
  } else await gateway.kill()
  await eventually('nobody is left', () => living(pen).length === 0, {
    withinMs: 15_000,
    instead: () => living(pen),
  })
  await eventually('nothing is left', () => !isLeft(pen), { withinMs: 15_000 })
}

/** The pids of those in the pen, of that name: told by the processes, for the way to their groups may be too long to go. */
function living(pen: Pen, name?: string): string[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8')
    } catch {
      return '' // it has ended
    }
  }
  const isZombie = (pid: string) => /^State:\tZ/m.test(read(pid, 'status'))
  const isThere = (pid: string) => read(pid, 'cgroup').includes(`/${basename(pen.path)}/`) && !isZombie(pid)
  return readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && isThere(pid) && (!name || read(pid, 'comm') === `${name}\n`),
  )
}

const isLeft = (pen: Pen) => existsSync(join(pen.path, 'corral'))

const WITHOUT_CALL = fileURLToPath(new URL('../support/payloads/without-call.c', import.meta.url))
const ALONE = { by: ['unshare', '--mount', '--propagation', 'private'] } as const

describe.runIf(isRoot)('a session of root that mounts', () => {
  const attacks = {
    'a file system over the place that cgroups are mounted at': 'mount -t tmpfs none $mount',
    'nothing there any more': 'umount -l $mount',
    'a file system over the root': 'mount -t tmpfs none $root',
    'a file system over the instance': 'mount -t tmpfs none $instance',
    'a file system over all sessions': 'mount -t tmpfs none $sessions',
    'a file system over its family': 'mount -t tmpfs none $family',
    'several file systems over its own group': 'mount -t tmpfs none $own; mount -t tmpfs none $own',
    'a file over cgroup.events that says that it is empty':
      'f=$(mktemp); printf "populated 0\\nfrozen 0\\n" >$f; mount --bind $f $own/cgroup.events; rm -f $f',
    'the null device over cgroup.kill': 'mount --bind /dev/null $own/cgroup.kill',
    'the cgroups of all others onto a group below its own': 'mkdir $own/x; mount --bind $sessions $own/x',
    'its own group and a file system onto each other, with groups in it':
      'mkdir -p $own/a/b $own/c; mount -t tmpfs none $own/a; mount --bind $own $own/c',
  }
  for (const [what, script] of Object.entries(attacks))
    for (const ending of inTurn())
      test(`${what} is ended by ${ending}`, ({ pen }) => endHidden(pen, script, ending, ALONE))

  test.for(ENDINGS)(
    'a directory of a disk onto a group of its own loses nothing by %s',
    async (ending, { pen }) => {
      const precious = await mkdtemp(join(tmpdir(), 'corral-precious-'))
      onTestFinished(() => rm(precious, { recursive: true }))
      mkdirSync(join(precious, 'empty/below'), { recursive: true })
      mkdirSync(join(precious, 'var/log/app'), { recursive: true })
      const before = readdirSync(precious, { recursive: true }).sort()
      const script = `mkdir -p $own/x/y; mount --bind ${precious} $own/x; mount --bind ${precious} $family`
      await endHidden(pen, script, ending, ALONE)
      expect(readdirSync(precious, { recursive: true }).sort()).toEqual(before)
    },
  )
})

const AS_OTHER: How = {
  by: ['setpriv', '--reuid', String(OTHER_UID), '--regid', String(OTHER_UID), '--clear-groups', '--'],
}

/** To that user. */
function delegate(pen: Pen): void {
  for (const directory of [dirname(pen.path), pen.path]) chmodSync(directory, 0o711)
  for (const file of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
    chownSync(join(pen.path, file), OTHER_UID, OTHER_UID)
}

describe.runIf(isRoot)('a session of an ordinary user that takes the modes', () => {
  const closed = {
    'of its own group': 'chmod 0 $own',
    'of its own group’s files': 'chmod 0 $own/cgroup.*',
    'of its family': 'chmod 0 $family',
    'of all sessions': 'chmod 0 $sessions',
    'of the instance': 'chmod 0 $instance',
    'of Corral’s directory': 'chmod 0 $corral',
    'of the root': 'chmod 0 $root',
    'of all of them, with groups of its own':
      'mkdir -p $own/a/b; chmod 0 $own/a/b $own/a $own $family $sessions $instance $corral $root',
    'of all of them again and again':
      '(while :; do chmod 0 $own $own/cgroup.kill; done 2>/dev/null) & chmod 0 $instance; sleep 0.2; kill $!',
  }
  for (const [what, script] of Object.entries(closed)) {
    const closesRoot = script.includes('$root')
    for (const ending of inTurn(closesRoot ? ENDINGS.filter((one) => one !== 'a sweep') : ENDINGS))
      test(`${what} is ended by ${ending}`, async ({ pen }) => {
        delegate(pen)
        await endHidden(pen, script, ending, AS_OTHER)
      })
    if (!closesRoot) continue
    test(`${what} has a sweep refused, which names the root`, async ({ pen }) => {
      delegate(pen)
      const gateway = await begunHidden(pen, script, AS_OTHER)
      await gateway.killWithGuard(pen.path)
      await expect(Gateway.open(pen, { root: pen.path }, AS_OTHER)).rejects.toThrow(
        `may not write in it: EACCES: permission denied, access '${pen.path}'`,
      )
    })
  }
})

/** Makes groups in one another, each of that name. */
const nested = (depth: number, name: string) =>
  `cd $own; python3 -c 'import os\nfor _ in range(${depth}): os.mkdir("${name}"); os.chdir("${name}")'`

describe('a session that makes groups in groups', () => {
  const deep = {
    '200 of them': nested(200, 'x'),
    'so that their path is longer than PATH_MAX': nested(40, 'y'.repeat(200)),
    'beside its own, so that their path is longer than PATH_MAX': `own=$family; ${nested(40, 'z'.repeat(200))}`,
  }
  for (const [what, script] of Object.entries(deep)) {
    test(`${what}, keeps nobody from looking, spawning and ending`, async ({ pen }) => {
      const gateway = await Gateway.open(pen, { root: pen.path, graceMs: 0 })
      const command = `${placesOf(pen.path)}\n${script}\necho done; exec sleep 1000`
      await gateway.spawn({ key: 'deep', command: 'sh', args: ['-c', command] }, 'done')
      const listed = await corral(['ls', '--root', pen.path, '--json'])
      expect(listed).toMatchObject({ status: 0 })
      expect(listed.stdout).toContain('"deep"')
      const late = await Gateway.open(pen, { root: pen.path })
      await late.leave()
      expect(await corral(['kill', '--root', pen.path, 'deep'])).toMatchObject({ status: 0 })
      await gateway.leave()
      expect(isLeft(pen)).toBe(false)
    })
  }

  test('holds up no other session while 2,000 of its groups are removed', async ({ pen }) => {
    const gateway = await Gateway.open(pen, { root: pen.path, graceMs: 0 })
    const command = `${placesOf(pen.path)}\n${nested(2000, 'x')}\necho done; exec sleep 1000`
    await gateway.spawn({ key: 'deep', command: 'sh', args: ['-c', command] }, 'done')
    const before = await timed(() => other(gateway))
    const closing = gateway.close('deep', { graceMs: 0 })
    const during = await timed(() => other(gateway))
    // It was as many times longer as there are groups: 35 s
    expect(during).toBeLessThan(before * 10 + 5000)
    await closing
    await gateway.leave()
    expect(isLeft(pen)).toBe(false)
  })
})

// A child has copies of the gateway's descriptors up to its exec, and with them of the watch on a group that has ended: the
// gateway ended by SIGSEGV when it was told of such a group
test('many sessions that make groups in groups are ended while others are started', async ({ pen }) => {
  const script = `${placesOf(pen.path)}\n${nested(40, 'y'.repeat(200))}\necho done; exec sleep 1000`
  const many = async () => {
    const gateway = await Gateway.open(pen, { root: pen.path, graceMs: 0 })
    for (let round = 0; round < 10; round++) {
      await gateway.spawn({ key: 'deep', command: 'sh', args: ['-c', script] }, 'done')
      await Promise.all([gateway.close('deep', { graceMs: 0 }), other(gateway)])
    }
    await gateway.leave()
  }
  await Promise.all([many(), many()])
  expect(isLeft(pen)).toBe(false)
})

async function other(gateway: Gateway): Promise<void> {
  const key = `other${Math.random()}`
  await gateway.spawn({ key, mode: 'oneshot', command: 'true' })
  await gateway.closed(key)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now() // timer: as against the same without, in the same test
  await work()
  return performance.now() - begun // timer: as above
}

describe.runIf(isRoot && !lacks('namespaces'))('a kernel without openat2(2)', () => {
  // A number that is the same on each architecture; Linux 5.5 and earlier, and filters of containers, do not know it
  const OPENAT2 = '437'
  const without = async (answer?: number) => [
    await compiled(WITHOUT_CALL),
    answer === undefined ? OPENAT2 : `${OPENAT2}:${answer}`,
  ]
  const attacks = {
    'a file system over its family': 'mount -t tmpfs none $family',
    'its own group and a file system onto each other, with groups in it':
      'mkdir -p $own/a/b $own/c; mount -t tmpfs none $own/a; mount --bind $own $own/c',
    'groups whose path is longer than PATH_MAX': nested(40, 'y'.repeat(200)),
  }
  for (const [what, script] of Object.entries(attacks))
    for (const ending of inTurn())
      test(`ends a session that has ${what}, by ${ending}`, async ({ pen }) => {
        await endHidden(pen, script, ending, { by: [...ALONE.by, ...(await without())] })
      })

  test('ends one of an ordinary user that has shut the whole way', async ({ pen }) => {
    delegate(pen)
    const script = 'mkdir -p $own/a; chmod 0 $own/a $own $family $sessions $instance $corral'
    await endHidden(pen, script, 'close', { by: [...(await without()), ...(AS_OTHER.by ?? [])] })
  })

  for (const [what, script] of Object.entries(attacks))
    test(`ends one that has ${what}, where a filter answers EPERM`, async ({ pen }) => {
      const by = [...ALONE.by, ...(await without(constants.errno.EPERM))]
      await endHidden(pen, script, 'close', { by })
    })

  test.for([
    [undefined, 'Function not implemented'],
    [constants.errno.EPERM, 'Operation not permitted'],
  ] as const)('is one (control): errno %s', async ([answer, words]) => {
    const [command = '', ...args] = await without(answer)
    const call = `import ctypes,os; l=ctypes.CDLL(None,use_errno=True); print(l.syscall(${OPENAT2},-1,b"/",0,0), os.strerror(ctypes.get_errno()))`
    const { stdout } = spawnSync(command, [...args, 'python3', '-c', call], { encoding: 'utf8' })
    expect(stdout).toBe(`-1 ${words}\n`)
  })
})

describe.runIf(isRoot && !lacks('namespaces'))('a root that is covered', () => {
  test('by a file system is refused, by its name', async ({ pen }) => {
    const by = ['sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', pen.path]
    const opening = Gateway.open(undefined, { root: pen.path }, { by: [...ALONE.by, ...by] })
    await expect(opening).rejects.toMatchObject({
      code: 'CORRAL_NO_ROOT',
      message: expect.stringMatching(new RegExp(`${pen.path}.*not a directory of a cgroup2 file system`)),
    })
  })
})

test.runIf(isRoot && !lacks('namespaces'))('mounts stand in a namespace of the test’s own (control)', () => {
  const mounts = () => readFileSync('/proc/self/mounts', 'utf8')
  const before = mounts()
  const { status } = spawnSync('unshare', [...ALONE.by.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt'])
  expect({ status, mounts: mounts() }).toEqual({ status: 0, mounts: before })
})
