// The guard of an instance: where it lives, what reaches it, and what it does when its owner is gone.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import pino from 'pino'
import { describe, expect, onTestFinished, vi } from 'vitest'
import { Guard } from '../../../src/backend/cgroup/guard.js'
import type { GuardEvent, OpenOptions } from '../../../src/index.js'
import { wardenPath } from '../../../src/native/addon.js'
import { KIND } from '../../../src/native/language.js'
import { members } from '../../support/cgroup-tree.js'
import { eventually } from '../../support/eventually.js'
import { Gateway, type How } from '../../support/gateway.js'
import { guardGroup } from '../../support/kill-both.js'
import { lacks } from '../../support/lacks.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'
import { descriptorsOf, expectNothingLeft, guardOf, start, statOf, statusOf } from './warden.js'

const UNBLOCKABLE = new Set<number>([constants.signals.SIGKILL, constants.signals.SIGSTOP])
const SLEEPING = { command: 'setsid', args: ['sleep', '1000'], stdio: 'ignore' } as const

function hasEnded(pid: number): boolean {
  const state = statOrNone(pid)?.[0]
  return state === undefined || state === 'Z'
}

function parentOf(pid: number): number {
  return Number(statOrNone(pid)?.[1] ?? 0)
}

function statOrNone(pid: number): string[] | undefined {
  try {
    return statOf(pid)
  } catch {
    return undefined // it has ended meanwhile
  }
}

describe('a guard', () => {
  test('lives in a group of its own, out of the tree, the session and the terminal of its owner', async ({
    pen,
  }) => {
    const corral = await openInPen(pen)
    const pid = await guardOf(pen.path, corral.id)
    // Who made it answers for it, and ends after that
    await eventually('it is an orphan', () => {
      const parent = Number(statOf(pid)[1])
      return parent !== process.pid && parentOf(parent) !== process.pid
    })
    const [, , group, session, terminal] = statOf(pid)
    const [, , ownGroup, ownSession] = statOf(process.pid)
    expect(group).not.toBe(ownGroup)
    expect(session).not.toBe(ownSession)
    expect(terminal).toBe('0')
  })

  // It is not dumpable: its descriptors are root's to see (proc(5))
  test.skipIf(lacks('root'))(
    'holds nothing but its lifeline, its owner, the way home, the root and its instance',
    async ({ pen }) => {
      const corral = await openInPen(pen)
      expect(descriptorsOf(await guardOf(pen.path, corral.id))).toEqual([
        expect.stringMatching(/^socket:/),
        '/dev/null',
        '/dev/null',
        expect.stringMatching(/^\//), // as the mount that it is in names it
        'anon_inode:[pidfd]',
        expect.stringMatching(new RegExp(`/corral/${corral.id}$`)),
        expect.stringMatching(/^\//),
      ])
    },
  )

  test('is ended by no signal but SIGKILL', async ({ pen }) => {
    const corral = await openInPen(pen)
    const pid = await guardOf(pen.path, corral.id)
    const blocked = BigInt(`0x${statusOf(pid, 'SigBlk')}`)
    for (let signal = 1; signal < 32; signal++)
      expect([signal, (blocked >> BigInt(signal - 1)) & 1n]).toEqual([
        signal,
        UNBLOCKABLE.has(signal) ? 0n : 1n,
      ])
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGPIPE'] as const)
      process.kill(pid, signal)
    await corral.spawn({ command: 'true' }).then((session) => session.closed)
    expect(await guardOf(pen.path, corral.id)).toBe(pid)
    expect(corral.guard).toEqual({ alive: true, deaths: 0 })
  })

  test('is gone without a trace after close()', async ({ pen }) => {
    const corral = await openInPen(pen)
    const pid = await guardOf(pen.path, corral.id)
    await corral.spawn(SLEEPING)
    await corral.close({ graceMs: 0 })
    expect(await pen.groups()).toEqual([])
    expect(await pen.everybody()).toEqual([])
    await eventually('it has ended', () => hasEnded(pid)) // whoever adopted it may still have to reap it
  })
})

/** With two sessions. */
async function gatewayIn(pen: Pen, options: OpenOptions = {}, how: How = {}): Promise<Gateway> {
  const gateway = await Gateway.open(undefined, { root: pen.path, ...options }, how)
  await gateway.sleepers(2)
  return gateway
}

describe('when a gateway', () => {
  test.for([
    ['is killed', (gateway: Gateway) => gateway.kill()],
    ['exits without closing', (gateway: Gateway) => gateway.ask('exit', 0).catch(() => undefined)],
    ['aborts', (gateway: Gateway) => gateway.ask('abort').catch(() => undefined)],
  ] as const)('%s, all its sessions and directories go', async ([, end], { pen }) => {
    const gateway = await gatewayIn(pen)
    expect(await pen.members()).toHaveLength(2)
    await end(gateway)
    await expectNothingLeft(pen)
  })

  test('ends the worker thread that it opened Corral in, all its sessions and directories go', async ({
    pen,
  }) => {
    const gateway = await gatewayIn(pen, {}, { inWorker: true })
    await gateway.begin('exit', 0)
    await expectNothingLeft(pen)
    expect(gateway.child.exitCode).toBeNull()
  })

  test('is only stopped, nothing goes', async ({ pen }) => {
    const { child } = await gatewayIn(pen)
    child.kill('SIGSTOP')
    await eventually('it is stopped', () => statOf(child.pid ?? 0)[0] === 'T')
    expect(await pen.members()).toHaveLength(2)
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await expectNothingLeft(pen)
  })

  test('is killed while it has frozen a session, all go', async ({ pen }) => {
    const gateway = await gatewayIn(pen)
    const { receipt } = await gateway.spawn({ command: 'sleep', args: ['1000'] })
    writeFileSync(`${receipt.path}/cgroup.freeze`, '1')
    await gateway.kill()
    await expectNothingLeft(pen)
  })

  test.for([
    ['CORRAL_NO_CLONE3', '1'],
    ['CORRAL_KILL_METHOD', 'freeze'],
  ] as const)('that was opened with %s is killed, all go', async ([name, value], { pen }) => {
    const gateway = await gatewayIn(pen, {}, { env: { [name]: value } })
    expect(await pen.members()).toHaveLength(2)
    await gateway.kill()
    await expectNothingLeft(pen)
  })
})

describe('a guard that dies', () => {
  test('is replaced at once, which is told, logged, counted and in the report', async ({ pen }) => {
    const lines: { msg: string; deaths?: number }[] = []
    const logger = pino({}, { write: (text: string) => void lines.push(JSON.parse(text)) })
    const corral = await openInPen(pen, { logger })
    const before = await corral.spawn(SLEEPING)
    const events: GuardEvent[] = []
    corral.on('guard', (event) => events.push(event))
    const first = await guardOf(pen.path, corral.id)

    process.kill(first, 'SIGKILL')
    await eventually('another guard is there', () => corral.guard.alive && corral.guard.deaths === 1)

    expect(await guardOf(pen.path, corral.id)).not.toBe(first)
    expect(events).toEqual([
      { event: 'died', deaths: 1 },
      { event: 'restarted', deaths: 1 },
    ])
    expect(lines.filter(({ deaths }) => deaths === 1).map(({ msg }) => msg)).toEqual([
      'guard died',
      'guard restarted',
    ])
    const after = await corral.spawn(SLEEPING)
    expect((await before.close({ graceMs: 0 })).guardDeaths).toBe(1)
    expect((await after.close({ graceMs: 0 })).guardDeaths).toBe(0)
    await corral.close()
    await expectNothingLeft(pen)
  })

  test('again and again is replaced each time', async ({ pen }) => {
    const gateway = await gatewayIn(pen)
    for (let deaths = 1; deaths <= 3; deaths++) {
      process.kill(await guardOf(pen.path, gateway.instance), 'SIGKILL')
      await eventually('another guard is there', async () =>
        isDeepStrictEqual(await gateway.ask('guard'), { alive: true, deaths }),
      )
    }
    await gateway.kill()
    await expectNothingLeft(pen)
  })

  test('does not keep close() from removing all', async ({ pen }) => {
    for (let round = 0; round < 10; round++) {
      const corral = await openInPen(pen)
      await corral.spawn(SLEEPING)
      const pid = await guardOf(pen.path, corral.id)
      const closing = corral.close({ graceMs: 0 })
      process.kill(pid, 'SIGKILL')
      await closing
      await expectNothingLeft(pen)
    }
  })

  // It closes its lifeline before it leaves its group; here somebody else is in there for longer
  test('and leaves its group populated does not either', async ({ pen }) => {
    const corral = await openInPen(pen)
    const group = guardGroup(pen.path, corral.id)
    const pid = await guardOf(pen.path, corral.id)
    process.kill(pid, 'SIGSTOP')
    const finish = vi.spyOn(Guard.prototype, 'finish')
    onTestFinished(() => finish.mockRestore())
    const enter = ['-c', 'echo $$ >"$0" && exec sleep 1000', join(group, 'cgroup.procs')]
    const sleeper = spawn('sh', enter, { stdio: 'ignore' })
    onTestFinished(() => void sleeper.kill('SIGKILL'))
    const ended = once(sleeper, 'exit')
    await eventually('it is in there', async () => (await members(group)).length === 2)
    const closing = corral.close()
    await eventually('only the guard is waited for, and has been told so', () => finish.mock.calls.length > 0)
    process.kill(pid, 'SIGKILL')
    await closing
    expect(await pen.groups()).toEqual([])
    await ended
  })

  const HINDRANCES = {
    stopped: (_: string, pid: number) => process.kill(pid, 'SIGSTOP'),
    frozen: (path: string) => writeFileSync(`${path}/warden/cgroup.freeze`, '1'),
    'frozen with its instance': (path: string) => writeFileSync(`${path}/cgroup.freeze`, '1'),
  }
  test.for(Object.entries(HINDRANCES))('but is %s does not hold close() up', async ([, hinder], { pen }) => {
    const killTimeoutMs = 5000
    const corral = await openInPen(pen, { killTimeoutMs })
    await corral.spawn(SLEEPING)
    const pid = await guardOf(pen.path, corral.id)
    hinder(`${pen.path}/corral/${corral.id}`, pid)
    const began = performance.now() // timer: how long it takes is the promise
    await corral.close({ graceMs: 0 })
    expect(performance.now() - began).toBeLessThan(killTimeoutMs) // timer: the bound of any ending
    expect(hasEnded(pid)).toBe(true)
    await expectNothingLeft(pen)
  })

  test('and is just being replaced does not either, and is told of', async ({ pen }) => {
    for (let round = 0; round < 10; round++) {
      const corral = await openInPen(pen)
      const events: string[] = []
      corral.on('guard', ({ event }) => events.push(event))
      const died = once(corral, 'guard')
      process.kill(await guardOf(pen.path, corral.id), 'SIGKILL')
      await died
      await corral.close({ graceMs: 0 })
      expect(await pen.groups()).toEqual([])
      expect(await pen.everybody()).toEqual([])
      // On a slow machine the new one is there before close() has begun
      expect([['died'], ['died', 'restarted']]).toContainEqual(events)
    }
  })
})

// The first byte of a message, which is its kind (native/core/message.h), in octal digits
const READY = `printf '\\${KIND.guardReady.toString(8)}'`

describe('a guard that cannot be started', () => {
  /** The addon alone, without the warden beside it. */
  function addonAlone(): string {
    const directory = mkdtempSync(join(tmpdir(), 'corral-addon-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const addon = join(directory, 'corral.node')
    cpSync(join(wardenPath(), '..', 'corral.node'), addon)
    return addon
  }

  test('fails openCorral(), and nothing is made', async ({ pen }) => {
    await expect(gatewayIn(pen, {}, { env: { CORRAL_ADDON: addonAlone() } })).rejects.toMatchObject({
      code: 'CORRAL_NO_GUARD',
      message: expect.stringMatching(/corral-warden cannot be started: .*No such file/),
    })
    expect(await pen.groups()).toEqual([])
  })

  test.for([
    ['ends at once', 'exit 0'],
    ['ends before it is told that the instance stands', `${READY} >&0`],
    ['ends before it has moved in', `${READY} >&0; head -c 1 >/dev/null`],
  ] as const)('because it %s fails openCorral(), and nothing is left', async ([, script], { pen }) => {
    const addon = addonAlone()
    writeFileSync(join(addon, '..', 'corral-warden'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    await expect(gatewayIn(pen, {}, { env: { CORRAL_ADDON: addon } })).rejects.toMatchObject({
      code: 'CORRAL_NO_GUARD',
      message: expect.stringMatching(/^the guard ended before it was ready|before the instance was ready/),
    })
    expect(await pen.groups()).toEqual([])
  })

  test('is done without where best effort is enough, which is logged', async ({ pen }) => {
    const options = { root: pen.path, enforcement: 'best-effort', told: true } as const
    const gateway = await Gateway.open(undefined, options, { env: { CORRAL_ADDON: addonAlone() } })
    await gateway.sleepers(2)
    expect(gateway.opened.logged).toContain('guard cannot be started')
    await gateway.leave()
    expect(gateway.child.exitCode).toBe(0)
    expect(await pen.groups()).toEqual([])
  })
})

describe('corral-warden guard', () => {
  test('that is not the child of its owner ends, and touches nothing', async ({ pen }) => {
    const corral = await openInPen(pen)
    await corral.spawn(SLEEPING)
    const args = ['guard', '--root', pen.path, '--instance', corral.id, '--owner', '1']
    const child = start(args)
    expect(await once(child, 'exit')).toEqual([1, null])
    expect(await pen.members()).toHaveLength(1)
    expect(await guardOf(pen.path, corral.id)).toBeGreaterThan(0)
  })

  test('collects what another dead instance left, after its own', async ({ pen }) => {
    const dead = await gatewayIn(pen)
    const next = await gatewayIn(pen, { sweep: false })
    await dead.killWithGuard(pen.path)
    expect(await pen.members()).toHaveLength(4)
    await next.kill()
    await expectNothingLeft(pen)
  })
})
