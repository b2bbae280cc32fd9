// What really runs out: descriptors, room in a cgroup, threads, pipes. The operation fails and says so, and leaves nothing.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { type CorralError, openCorral } from '../../../src/index.js'
import { statOf } from '../../kernel/warden/warden.js'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { Gateway } from './gateway.js'

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url).pathname
const EAGAIN = 11

const refusalOf = async (work: Promise<unknown>) =>
  (await work.then(
    () => undefined,
    (error) => error,
  )) as CorralError

describe('without descriptors', () => {
  test('a spawn fails with EMFILE, at each step that wants one, and leaks none', async ({ pen }) => {
    const root = `${pen.path}/root`
    mkdirSync(root)
    const few = 'ulimit -n 100 && exec "$0" "$@"'
    const args = ['-c', few, process.execPath, fixture('few-descriptors.mjs'), root]
    const child = pen.spawn('/bin/sh', args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const [told] = (await once(child, 'message')) as [{ outcome: string; sessions: number; leaked: number }[]]
    const last = told.pop()
    expect(last).toMatchObject({ outcome: 'done', sessions: 0 })
    expect(told.length).toBeGreaterThan(3)
    for (const one of told) {
      expect(one).toMatchObject({ sessions: 0, leaked: 0 })
      expect(one.outcome).toMatch(/^CORRAL_(SPAWN_FAILED|KERNEL_REFUSED) EMFILE$/)
    }
    expect(await pen.groups()).toEqual([root])
  })

  interface Told {
    pids: number[]
    told: {
      code?: string | string[]
      systemCode?: string
      message: string
      processes: object[]
      killed?: number
    }[]
  }

  /** A gateway of 200 descriptors that has used them all up, and ends three sessions. */
  const endWithout = async (pen: Pen, ...args: string[]): Promise<Told> => {
    const few = 'ulimit -Sn 200 && exec "$0" "$@"'
    const child = pen.spawn(
      '/bin/sh',
      ['-c', few, process.execPath, fixture('no-descriptors.mjs'), ...args],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    )
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the gateway has exited with ${code}`)))
      child.on('message', (message: Told | { limit: string }) => {
        if (!('limit' in message)) return resolve(message)
        execFileSync('prlimit', ['--pid', String(child.pid), `--nofile=${message.limit}:`])
        child.send('done')
      })
    })
  }

  test.for(['cgroup', 'subreaper'] as const)(
    'sessions are ended all the same: %s',
    async (backend, { pen }) => {
      const root = `${pen.path}/root`
      mkdirSync(root)
      const { told } = await endWithout(pen, backend, root)
      expect(told).toEqual([{ killed: 1 }, { killed: 201 }, {}])
      await eventually('nobody is left', async () => (await pen.everybody()).length === 0)
      expect(await pen.groups()).toEqual([root])
    },
  )

  test('where none can be opened at all, the ending names who lives on, and what to raise', async ({
    pen,
  }) => {
    const root = `${pen.path}/root`
    mkdirSync(root)
    const { told, pids } = await endWithout(pen, 'cgroup', root, '3')
    expect(told[0]).toMatchObject({
      code: 'CORRAL_STUCK',
      systemCode: 'EMFILE',
      processes: [{ pid: pids[0], state: '?' }],
    })
    expect(told[0]?.message).toContain(
      `its leader ${pids[0]} (?) is still running: open cgroup.events: Too many open files`,
    )
    expect(told[0]?.message).toContain('RLIMIT_NOFILE is reached here: raise it')
    for (const pid of pids) expect(told[2]?.message).toContain(`its leader ${pid} (?)`)
    expect(told[3]).toEqual({}) // once there are some again
    await eventually('nobody is left', async () => (await pen.everybody()).length === 0)
    expect(await pen.groups()).toEqual([root])
  })
})

describe('in a cgroup that is full', () => {
  // <root>/corral, an instance, its sessions and its guard; a family, its session, and the processes of that
  test.for([
    ['cgroup.max.descendants', 4],
    ['cgroup.max.depth', 3],
  ] as const)(
    'openCorral() fails for want of %s, and says so, at each step',
    async ([file, enough], { pen }) => {
      for (let most = 0; most < enough; most++) {
        writeFileSync(`${pen.path}/${file}`, String(most))
        const error = await refusalOf(openCorral({ root: pen.path }))
        expect(error.code).toMatch(/^CORRAL_NO_(ROOT|GUARD)$/)
        if (error.code === 'CORRAL_NO_ROOT') {
          expect(error).toMatchObject({ systemCode: 'EAGAIN', syscall: 'mkdir' })
          expect(error.message).toContain('raise cgroup.max.descendants and cgroup.max.depth')
        }
        expect(await pen.groups()).toEqual([])
        expect(await pen.everybody()).toEqual([])
      }
      writeFileSync(`${pen.path}/${file}`, String(enough))
      await (await openInPen(pen)).close()
    },
  )

  test.for([
    ['cgroup.max.descendants', 4, 7],
    ['cgroup.max.depth', 3, 6],
  ] as const)('spawn() does, and goes on when there is room', async ([file, open, enough], { pen }) => {
    const corral = await openInPen(pen)
    const before = await pen.groups()
    for (let most = open; most < enough; most++) {
      writeFileSync(`${pen.path}/${file}`, String(most))
      const error = await refusalOf(corral.spawn({ command: 'true' }))
      expect(error).toMatchObject({ code: 'CORRAL_KERNEL_REFUSED', systemCode: 'EAGAIN', syscall: 'mkdir' })
      expect(error.message).toContain('Raise cgroup.max.descendants or cgroup.max.depth of a cgroup above')
      expect(await pen.groups()).toEqual(before)
      expect(corral.list()).toEqual([])
    }
    writeFileSync(`${pen.path}/${file}`, String(enough))
    await corral.spawn({ command: 'true' }).then((session) => session.closed)
  })
})

describe('without threads', () => {
  test.for([1, 2])('the first spawn fails, and so does no later one: %i', async (nth, { pen }) => {
    await using gateway = await Gateway.start(pen, { fresh: true })
    const fault = { label: 'pthread_create ', nth, number: EAGAIN, always: false }
    const { fired, failed, message, problems } = await gateway.attempt('open', fault)
    expect(problems).toEqual([])
    expect({ fired, failed }).toEqual({ fired: 1, failed: true })
    expect(message).toMatch(/start (watcher|spawner): Resource temporarily unavailable/)
    expect(await gateway.attempt('spawn', { ...fault, label: 'none' })).toMatchObject({
      failed: false,
      problems: [],
    })
  })
})

describe('with a full pipe', () => {
  test('a session is closed whose leader does not read', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'sleep', args: ['1000'] })
    session.process.stdin?.on('error', () => undefined)
    while (session.process.stdin?.write(Buffer.alloc(65_536)));
    expect(session.process.stdin?.writableLength).toBeGreaterThan(0)
    expect(await session.close({ graceMs: 1_000_000 })).toMatchObject({ signal: 'SIGTERM' })
  })

  test('a session is closed whose output nobody reads', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'yes' })
    const blocked = () => statOf(session.process.pid)[0] === 'S'
    await eventually('it waits for a reader', blocked)
    expect(await session.close({ graceMs: 1_000_000 })).toMatchObject({ signal: 'SIGTERM' })
    expect(await pen.members()).toEqual([])
  })
})

describe('when somebody else removes directories', () => {
  test('a session that nobody has entered yet is closed as if they were there', async ({ pen }) => {
    const corral = await openInPen(pen)
    const { session } = await corral.wrap('true')
    const family = `${session.receipt.path}/..`
    rmdirSync(`${session.receipt.path}/in`)
    rmdirSync(session.receipt.path)
    rmdirSync(family.replace(/\/agent\/\.\.$/, ''))
    await session.close({ graceMs: 0 })
    await corral.close()
    expect(await pen.groups()).toEqual([])
    expect(readdirSync(pen.path).filter((name) => name === 'corral')).toEqual([])
  })
})
