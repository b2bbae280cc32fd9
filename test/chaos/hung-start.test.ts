// Nothing waits for a stranger: a start that hangs (its directory, its program or what runs that is on a file system that does
// not answer, or under a lease) costs its own session and nobody else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, onTestFinished } from 'vitest'
import {
  type Corral,
  type OpenOptions,
  openCorral,
  type SpawnOptions,
  type StuckError,
} from '../../src/index.js'
import { corral as command, start } from '../cli/command-line.js'
import { members } from '../support/cgroup-tree.js'
import { eventually } from '../support/eventually.js'
import { HANGS, type Hang, Hangs, noHungFileSystem } from '../support/hangs.js'
import { line } from '../support/line.js'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const GATEWAY = fileURLToPath(new URL('fixtures/hung-gateway.mjs', import.meta.url))
const FOREVER_MS = 10 * 60_000
// Far less than an ordinary start takes on a machine that is ten times slower
const SOON_MS = 1000
const SLEEPING = { command: 'sleep', args: ['1000'], mode: 'persistent' } as const
const BACKENDS = ['cgroup', 'subreaper'] as const
type Backend = (typeof BACKENDS)[number]

let hangs: Hangs

const where = (backend: Backend, pen: Pen): OpenOptions =>
  backend === 'cgroup' ? { root: pen.path } : { backend }

async function open(backend: Backend, pen: Pen, startTimeoutMs: number): Promise<Corral> {
  const corral = await openCorral({ ...where(backend, pen), startTimeoutMs, killTimeoutMs: 300 })
  onTestFinished(async () => {
    await hangs.release()
    await eventually('it can be closed', () =>
      corral.close({ graceMs: 0 }).then(
        () => true,
        () => false,
      ),
    )
  })
  return corral
}

const optionsOf = ({ command, cwd, env }: Hang): SpawnOptions & { command: string } => ({ command, cwd, env })

/** Whether it has settled, and the way to wait for that. */
function followed<Result>(promise: Promise<Result>) {
  const state = {
    settled: false,
    outcome: promise.then(
      (value) => ({ value }),
      (error) => ({ error }),
    ),
  }
  void state.outcome.then(() => {
    state.settled = true
  })
  return state
}

const hung = () => hangs.hung()

const refusal = noHungFileSystem()

describe
  .skipIf(refusal !== undefined)
  .sequential(`a start that hangs${refusal ? ` (${refusal})` : ''}`, () => {
    beforeEach(async () => {
      hangs = await Hangs.make()
    })
    afterEach(async () => {
      await hangs[Symbol.asyncDispose]()
    })

    for (const backend of BACKENDS) {
      describe(`held by ${backend}`, () => {
        test.for(Object.entries(HANGS))('at %s holds nobody else up', async ([, make], { pen }) => {
          const hang = await make(hangs)
          const corral = await open(backend, pen, FOREVER_MS)
          const before = await corral.spawn({ ...SLEEPING, key: 'before' })
          const hanging = followed(corral.spawn({ ...optionsOf(hang), key: 'hung' }))
          const session = await corral.spawn({ command: 'true', key: 'after' })
          expect((await session.closed).exitCode).toBe(0)
          const wrapped = await corral.wrap('true', [], { key: 'wrapped' })
          const [status] = await once(spawn(wrapped.command, wrapped.args, { stdio: 'ignore' }), 'exit')
          expect(status).toBe(0)
          await wrapped.session.closed
          await (await before.spawn('true')).exited
          await before.close({ graceMs: 0 })
          await corral.setFamilyLimits('hung', { pidsMax: null })
          expect(hanging.settled).toBe(false)
          // Its own ending does not wait for it either
          await corral.resetParent('hung', { includeParent: true })
          expect(await hanging.outcome).toMatchObject({ error: { code: 'CORRAL_CLOSING' } })
        })

        test.for(Object.entries(HANGS))('at %s is rejected after its bound', async ([, make], { pen }) => {
          const hang = await make(hangs)
          const corral = await open(backend, pen, SOON_MS)
          await expect(corral.spawn({ ...optionsOf(hang), key: 'hung' })).rejects.toMatchObject({
            code: 'CORRAL_SPAWN_FAILED',
            systemCode: 'ETIMEDOUT',
            syscall: hang.syscall,
            message: expect.stringContaining(`has not returned within ${SOON_MS} ms`),
          })
          expect(corral.list()).toEqual([])
          if (hang.killable) expect(await pen.members()).toEqual([])
          await hangs.release()
          await eventually('what hung is gone', async () => hung().length === 0)
          const again = await eventually('the key is free', () =>
            corral.spawn({ command: 'true', key: 'hung' }).catch(() => undefined),
          )
          expect((await again.closed).exitCode).toBe(0)
        })

        test('in a session that lives costs that session alone', async ({ pen }) => {
          const corral = await open(backend, pen, SOON_MS)
          const session = await corral.spawn({ ...SLEEPING, key: 'mine' })
          const other = await corral.spawn({ ...SLEEPING, key: 'other' })
          await expect(session.spawn(hangs.program().command)).rejects.toMatchObject({
            systemCode: 'ETIMEDOUT',
          })
          const further = await session.spawn('true')
          expect(await further.exited).toMatchObject({ code: 0 })
          // Where others have all processors, the bound may be over before it has come to hang
          await eventually('it hangs', () => hung().length > 0)
          const [pid = 0] = hung()
          await expect(session.close({ graceMs: 0 })).rejects.toMatchObject({
            code: 'CORRAL_STUCK',
            processes: [expect.objectContaining({ pid, state: 'D' })],
          })
          expect((await other.close({ graceMs: 0 })).reason).toBe('closed')
          await hangs.release()
          await eventually('what hung is gone', () => hung().length === 0)
          expect((await session.close({ graceMs: 0 })).reason).toBe('closed')
        })

        test('is rejected at once when its session is closed or its signal aborted', async ({ pen }) => {
          const corral = await open(backend, pen, FOREVER_MS)
          const session = await corral.spawn({ ...SLEEPING, key: 'mine' })
          const { command: leased } = await hangs.leased()
          const starting = followed(session.spawn(leased))
          const aborter = new AbortController()
          const aborted = followed(corral.spawn({ command: leased, key: 'aborted', signal: aborter.signal }))
          await session.close({ graceMs: 0 })
          aborter.abort(new Error('not wanted'))
          expect(await starting.outcome).toMatchObject({ error: { code: 'CORRAL_CLOSING' } })
          expect(await aborted.outcome).toMatchObject({ error: { message: 'not wanted' } })
          expect(await pen.members()).toEqual([])
        })

        test('keeps corral.close() no longer than its bound on killing, which names it', async ({ pen }) => {
          const corral = await open(backend, pen, FOREVER_MS)
          const innocent = await corral.spawn({ ...SLEEPING, key: 'innocent' })
          const hanging = followed(corral.spawn({ ...optionsOf(hangs.program()), key: 'hung' }))
          await eventually('it hangs', () => hung().length > 0)
          const closing = followed(corral.close({ graceMs: 0 }))
          expect((await innocent.closed).reason).toBe('corral-closed')
          expect(await hanging.outcome).toMatchObject({ error: { code: 'CORRAL_CLOSING' } })
          expect(await closing.outcome).toMatchObject({ error: { message: expect.stringContaining('(D)') } })
        })

        test('is named beside the other sessions that cannot be closed', async ({ pen }) => {
          const corral = await open(backend, pen, FOREVER_MS)
          await using others = await Hangs.make() // at one file system, the second would wait for the first
          const session = await corral.spawn({ ...SLEEPING, key: 'mine' })
          followed(session.spawn(hangs.program().command))
          followed(corral.spawn({ ...optionsOf(others.program()), key: 'hung' }))
          await eventually('both hang', () => hung().length > 0 && others.hung().length > 0)
          const pids = [...hung(), ...others.hung()]
          const error = await corral.close({ graceMs: 0 }).catch((failure) => failure)
          const named = error.errors.flatMap(({ processes }: StuckError) => processes)
          for (const pid of pids) {
            expect(named).toContainEqual(expect.objectContaining({ pid, state: 'D' }))
            expect(error.message).toContain(String(pid))
          }
          await others.release()
        })

        test('behind corral run ends with 126, and can be ended before', async ({ pen }) => {
          const place = backend === 'cgroup' ? ['--root', pen.path] : ['--backend', backend]
          const { command: leased } = await hangs.leased()
          const late = await command(['run', ...place, '--start-timeout', String(SOON_MS), '--', leased])
          expect(late).toMatchObject({ status: 126, stderr: expect.stringContaining('no answer in time') })
          const asked = start(['run', ...place, '--start-timeout', String(FOREVER_MS), '--', leased])
          await eventually('it hangs', () => hangs.waitForLease().length > 0)
          asked.kill('SIGTERM')
          const [status, signal] = await once(asked, 'exit')
          expect(status ?? signal).not.toBe(0)
          expect(await pen.members()).toEqual([])
        })

        test('leaves nothing when its gateway dies, nor holds the others up in that', async ({ pen }) => {
          const gateway = spawn(process.execPath, [GATEWAY, backend, pen.path, hangs.program().command], {
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          onTestFinished(() => void gateway.kill('SIGKILL'))
          const innocent = Number((await line(gateway.stdout, /^innocent/)).split(' ')[1])
          await eventually('it hangs', () => hung().length > 0)
          gateway.kill('SIGKILL')
          await eventually('the innocent are gone', () => !isAlive(innocent))
          if (backend === 'cgroup')
            expect(await command(['sweep', '--root', pen.path])).toMatchObject({
              status: 0,
              stdout: 'nothing to collect (0 live, 1 ending)\n',
            })
          await hangs.release()
          await eventually(
            'all is gone',
            async () => hung().length === 0 && (await pen.groups()).length === 0,
          )
        })
      })
    }

    test('has nothing of the gateway open', async ({ pen }) => {
      const corral = await open('cgroup', pen, FOREVER_MS)
      const hanging = followed(
        corral.spawn({
          ...optionsOf(hangs.program()),
          key: 'hung',
          stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
        }),
      )
      const [pid = 0] = await eventually('it hangs', () => (hung().length > 0 ? hung() : undefined))
      const open_ = readdirSync(`/proc/${pid}/fd`).map(
        (fd) => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`,
      )
      expect(open_).toEqual([
        expect.stringMatching(/^0 socket:/),
        expect.stringMatching(/^1 socket:/),
        '2 /dev/null',
        expect.stringMatching(/^3 socket:/),
      ])
      await hangs.release()
      expect(await hanging.outcome).toMatchObject({ error: { code: 'CORRAL_SPAWN_FAILED' } })
    })

    test('does not keep a guard that died from being replaced', async ({ pen }) => {
      const corral = await open('cgroup', pen, FOREVER_MS)
      const hanging = followed(corral.spawn({ ...optionsOf(hangs.workingDirectory()), key: 'hung' }))
      await eventually('it hangs', () => hung().length > 0)
      const [guard = 0] = await members(`${pen.path}/corral/${corral.id}/warden`)
      process.kill(guard, 'SIGKILL')
      await eventually('another guard', () => corral.guard.alive && corral.guard.deaths === 1)
      expect(hanging.settled).toBe(false)
      await hangs.release()
      await hanging.outcome
    })

    // As many as there are threads for them: after that the others wait for their turn, but the guard does not
    test('of which there are very many keeps strangers waiting, and the guard not', async ({ pen }) => {
      const corral = await open('cgroup', pen, FOREVER_MS)
      const all = Array.from({ length: 70 }, (_, index) =>
        followed(corral.spawn(optionsOf(hangs.workingDirectory(`below-${index}`)))),
      )
      await eventually('64 hang', () => hung().length === 64, { instead: () => hung().length })
      const [guard = 0] = await members(`${pen.path}/corral/${corral.id}/warden`)
      process.kill(guard, 'SIGKILL')
      await eventually('another guard', () => corral.guard.alive && corral.guard.deaths === 1)
      const session = await corral.wrap('true', [], { key: 'wrapped' })
      await session.session.close()
      expect(hung()).toHaveLength(64)
      await hangs.release()
      for (const { outcome } of all) await outcome
      await corral.spawn({ command: 'true' }).then(({ closed }) => closed)
    })
  })

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
