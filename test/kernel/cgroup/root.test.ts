// Which directory Corral builds under: the one that is given, else one that belongs to this process.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import {
  findRoot,
  type RootCandidate,
  type RootSearch,
  searchRoot,
} from '../../../src/backend/cgroup/root.js'
import { openCorral, RootError } from '../../../src/index.js'
import { findCgroupMounts } from '../../../src/linux/mounts.js'
import { loadNative } from '../../../src/native/addon.js'
import { PID_LABEL } from '../../../src/native/language.js'
import { eventually } from '../../support/eventually.js'
import { lacks, NO_CGROUP } from '../../support/lacks.js'
import { output } from '../../support/output.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const native = loadNative()
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.mjs`, import.meta.url))
const isRoot = process.getuid?.() === 0

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return JSON.parse(await output(child.stdout)) as Answer
}

const quiet = { stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] }

function searchIn(pen: Pen): Promise<RootSearch> {
  return answerOf(pen.spawn(process.execPath, [fixture('search-root')], quiet))
}

// What stands in such a tree, where, and why nothing can be built in it
const THREADED: [string, string, string][] = [
  ['threaded', 'threaded', 'it was made threaded'],
  ['around a threaded one', '.', 'a cgroup in it was made threaded'],
  ['beside a threaded one', 'beside', 'a cgroup beside or above it was made threaded'],
]

function makeThreaded(pen: Pen): string {
  const top = join(pen.path, 'top')
  for (const name of ['threaded', 'beside']) mkdirSync(join(top, name), { recursive: true })
  writeFileSync(join(top, 'threaded/cgroup.type'), 'threaded')
  return top
}

describe('a root that is given', () => {
  let scratch: string
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'corral-root-'))
    writeFileSync(join(scratch, 'file'), '')
    mkdirSync(join(scratch, 'corral'))
  })
  afterAll(() => rmSync(scratch, { recursive: true }))

  test.for([
    ['does not exist', 'missing', 'it does not exist'],
    ['is a file', 'file', 'it is not a directory'],
    ['is below a file', 'file/x', 'it does not exist'],
    ['is no cgroup', '.', 'it is not a directory of a cgroup2 file system'],
  ] as const)('that %s is refused with the path, the reason and what to do', async ([, name, reason]) => {
    const path = join(scratch, name)
    const error = await openCorral({ root: path }).catch((refusal: unknown) => refusal)
    expect(error).toBeInstanceOf(RootError)
    expect(error).toMatchObject({ code: 'CORRAL_NO_ROOT', path })
    const { message, hint } = error as RootError
    expect(message).toContain(`${path}: ${reason}`)
    expect(message).toContain(hint ?? 'no hint')
    expect(hint).toMatch(/writable cgroup2 directory.*Delegate=yes.*corral doctor/)
  })

  test('that is a control file is refused', async ({ pen }) => {
    const path = join(pen.path, 'cgroup.procs')
    await expect(openCorral({ root: path })).rejects.toMatchObject({
      code: 'CORRAL_NO_ROOT',
      message: expect.stringContaining('it is not a directory'),
    })
  })

  // What an ordinary user meets, also when the tests run as root
  const openAsOrdinaryUser = async (pen: Pen, path: string) => {
    const uid = isRoot ? 65534 : (process.getuid?.() ?? 65534)
    const child = pen.spawn(process.execPath, [fixture('open-as'), path, `${uid}`], quiet)
    const answer = await answerOf<{ code: string; message: string; path: string }>(child)
    return { ...answer, uid }
  }

  test('that this user may not write in is refused', async ({ pen }) => {
    const mount = findCgroupMounts().mounts[0]?.point ?? 'no mount'
    const { code, message, path, uid } = await openAsOrdinaryUser(pen, mount)
    expect({ code, path }).toEqual({ code: 'CORRAL_NO_ROOT', path: mount })
    expect(message).toContain(`${mount}: uid ${uid} may not write in it`)
    expect(message).toMatch(/writable cgroup2 directory/)
  })

  test('that this user cannot reach is refused, and not for being missing', async ({ pen }) => {
    const locked = join(scratch, 'locked')
    mkdirSync(join(locked, 'root'), { recursive: true })
    chmodSync(locked, 0)
    try {
      const { code, message } = await openAsOrdinaryUser(pen, join(locked, 'root'))
      expect(code).toBe('CORRAL_NO_ROOT')
      expect(message).toContain(join(locked, 'root'))
      expect(message).not.toContain('does not exist')
    } finally {
      chmodSync(locked, 0o700)
    }
  })

  test.for(THREADED)(
    'in which the kernel lets nobody live, %s, is refused',
    async ([, name, why], { pen }) => {
      const root = join(makeThreaded(pen), name)
      await expect(openCorral({ root })).rejects.toMatchObject({
        code: 'CORRAL_NO_ROOT',
        message: expect.stringContaining(`${root}: it was given as root and is writable, but ${why}`),
      })
      expect(findRoot(native, root)).toBe(root) // what was built before is still seen there
    },
  )

  test('is the only candidate, and is used when it is writable', async ({ pen }) => {
    const { candidates, chosen } = searchRoot(native, pen.path)
    expect(candidates).toEqual([chosen])
    expect(chosen).toMatchObject({ kind: 'explicit', path: pen.path, usable: true })
    expect(findRoot(native, pen.path)).toBe(pen.path)
  })

  test('can be relative and have a slash at its end', async ({ pen }) => {
    expect(findRoot(native, `${pen.path}//`)).toBe(pen.path)
    const relative = join(
      ...process
        .cwd()
        .split('/')
        .map(() => '..'),
      pen.path,
    )
    expect(findRoot(native, relative)).toBe(pen.path)
  })

  test('is used by the user that it belongs to', async ({ pen }) => {
    const child = pen.spawn(process.execPath, [fixture('open-as'), pen.path, `${process.getuid?.()}`], quiet)
    expect(await answerOf(child)).toMatchObject({ root: pen.path, id: expect.stringMatching(/^i[0-9a-f]+$/) })
  })
})

describe('the search for a root', () => {
  const kinds = (candidates: RootCandidate[]) => candidates.map(({ kind }) => kind)

  test('looks at the cgroup of this process first, then at the mount, and says why', () => {
    const { candidates, chosen } = searchRoot(native)
    expect(kinds(candidates)).toEqual(['own-cgroup', 'mount'])
    for (const { why } of candidates) expect(why).not.toBe('')
    expect(chosen).toBe(candidates.find(({ usable }) => usable))
  })

  test('takes the mount where this is root at the top of the hierarchy', ({ skip }) => {
    const { mounts, own } = findCgroupMounts()
    skip(lacks('cgroup'), NO_CGROUP)
    const mount = mounts.find(({ writable }) => writable)
    skip(!isRoot || own !== '/' || !mount, 'the tests do not run as root at the top of the hierarchy')
    expect(findRoot(native)).toBe(mount?.point)
  })

  test('passes over a cgroup that is writable for root but that nobody gave away', async ({ pen, skip }) => {
    skip(!isRoot, 'for an ordinary user, to be able to write is to have been given it')
    const { candidates, chosen } = await searchIn(pen)
    expect(candidates[0]).toMatchObject({ kind: 'own-cgroup', path: pen.path, usable: false })
    expect(candidates[0]?.why).toContain('not marked as delegated')
    expect(chosen?.kind).toBe('mount')
  })

  test('takes the cgroup of this process where it is marked as delegated', async ({ pen }) => {
    native.setLabel(pen.path, 'user.delegate', '1')
    const { chosen } = await searchIn(pen)
    expect(chosen).toMatchObject({ kind: 'own-cgroup', path: pen.path, usable: true })
  })

  test('passes over a delegated cgroup in which the kernel lets nobody live', async ({ pen }) => {
    const top = makeThreaded(pen)
    native.setLabel(top, 'user.delegate', '1')
    const { stdout } = pen.spawn(
      '/bin/sh',
      [
        '-c',
        'echo 0 >"$0/cgroup.procs" && exec "$@"',
        top,
        process.execPath,
        fixture('search-root'),
        'build',
      ],
      quiet,
    )
    const { candidates } = JSON.parse(await output(stdout)) as RootSearch
    const own = candidates.find(({ kind }) => kind === 'own-cgroup')
    expect(own).toMatchObject({ path: top, usable: false })
    expect(own?.why).toMatch(/, but a cgroup in it was made threaded$/)
  })

  test('takes what is around the supervisor/ that the gateway is in', async ({ pen }) => {
    native.setLabel(pen.path, 'user.delegate', '1')
    const supervisor = join(pen.path, 'supervisor')
    mkdirSync(supervisor)
    const inside = { ...pen, path: supervisor }
    const { stdout } = pen.spawn(
      '/bin/sh',
      ['-c', 'echo 0 >"$0/cgroup.procs" && exec "$@"', inside.path, process.execPath, fixture('search-root')],
      quiet,
    )
    const { chosen } = JSON.parse(await output(stdout)) as RootSearch
    expect(chosen).toMatchObject({ kind: 'own-cgroup', path: pen.path, usable: true })
    expect(chosen?.why).toContain('supervisor/')
  })
})

describe('a gateway in its delegated cgroup', () => {
  test('moves to supervisor/ below it, with all that is beside it, and builds in it', async ({ pen }) => {
    native.setLabel(pen.path, 'user.delegate', '1')
    const beside = pen.spawn('cat', [], { stdio: ['pipe', 'ignore', 'inherit'] })
    const child = pen.spawn(process.execPath, [fixture('search-root'), 'open'], quiet)
    const { root, own } = await answerOf<{ root: string; own: string }>(child)
    expect(root).toBe(pen.path)
    expect(own.endsWith(`/${basename(pen.path)}/supervisor`)).toBe(true)
    expect(await pen.groups()).toEqual([join(pen.path, 'supervisor')])
    expect(native.members(join(pen.path, 'supervisor'))).toEqual([beside.pid])
  })

  test('adopts what an earlier start left: supervisor/, controllers that are on, and a dead instance', async ({
    pen,
  }) => {
    native.setLabel(pen.path, 'user.delegate', '1')
    const supervisor = join(pen.path, 'supervisor')
    const instance = join(pen.path, 'corral/i0123456789')
    const session = join(instance, 'sessions/key/agent')
    for (const directory of [supervisor, session]) mkdirSync(directory, { recursive: true })
    native.setLabel(instance, PID_LABEL, '1')
    const offered = readFileSync(join(pen.path, 'cgroup.controllers'), 'utf8')
      .trim()
      .split(/\s+/)
      .filter(Boolean)
    for (const name of offered) writeFileSync(join(pen.path, 'cgroup.subtree_control'), `+${name}`)
    // Not through the pen itself, in which nobody may be while its controllers are on
    const spawnIn = (group: string, ...command: string[]) =>
      spawn('/bin/sh', ['-c', 'echo 0 >"$0/cgroup.procs" && exec "$@"', group, ...command], quiet)
    const left = spawnIn(session, 'sleep', '1000')
    await eventually('a process that is left', () => native.members(session).length > 0)
    const child = spawnIn(supervisor, process.execPath, fixture('search-root'), 'open')
    const { root, own } = await answerOf<{ root: string; own: string }>(child)
    expect(root).toBe(pen.path)
    expect(own.endsWith(`/${basename(pen.path)}/supervisor`)).toBe(true)
    expect(await pen.groups()).toEqual([supervisor])
    await eventually('what was left is killed', () => left.signalCode === 'SIGKILL')
  })
})
