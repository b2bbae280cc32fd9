// corral.wrap(): a command line for spawn functions that belong to others.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished } from 'vitest'
import { ClosingError, KeyLiveError, type WrappedCommand } from '../../../src/index.js'
import { BACKEND, expectGone } from '../../support/backend.js'
import { differs } from '../../support/differences.js'
import { eventually } from '../../support/eventually.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

/** Starts a wrapped command, as anybody would. */
function start({ command, args }: WrappedCommand) {
  const child = spawn(command, args, { stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, exited: once(child, 'exit') }
}

const READY = 'echo ready; exec sleep 1000'

describe('a wrapped command', () => {
  test('runs in its session, with the stdio that it was started with', async ({ pen }) => {
    const corral = await openInPen(pen)
    const wrapped = await corral.wrap('sh', [
      '-c',
      'echo $$; cat /proc/self/cgroup; cat; echo err >&2; exit 7',
    ])
    const { child, exited } = start(wrapped)
    child.stdin.end('through\n')
    const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)])
    const { path } = wrapped.session.receipt
    differs('entered', {
      cgroup: () => {
        expect(said).toMatch(new RegExp(`^${child.pid}\\n`))
        expect(said).toContain(`/${path.slice(path.indexOf(corral.id))}/in\n`)
      },
      subreaper: () => expect(said).not.toMatch(new RegExp(`^${child.pid}\\n`)),
    })
    expect(said).toMatch(/through\n$/)
    expect(complained).toBe('err\n')
    expect(await exited).toEqual([7, null])
    expect(await wrapped.session.closed).toMatchObject({
      reason: 'oneshot-complete',
      exitCode: null,
      signal: null,
    })
    await expectGone(path)
  })

  test('is in a session like any other: listed, counted, with what it starts', async ({ pen }) => {
    const corral = await openInPen(pen)
    const wrapped = await corral.wrap('sh', ['-c', `setsid sleep 1000 & ${READY}`], {
      key: 'k',
      parentKey: 'mother',
    })
    expect(corral.get('k')).toBe(wrapped.session)
    expect(wrapped.session.members()).toEqual([])
    const { child } = start(wrapped)
    await line(child.stdout, /^ready$/)
    await eventually('both are known', () => wrapped.session.members().length === 2)
    expect(wrapped.session.members().includes(child.pid ?? 0)).toBe(BACKEND === 'cgroup')
    const [report] = await corral.resetParent('mother')
    expect(report).toMatchObject({ key: 'k', reason: 'parent-reset', killed: { count: 2 } })
    expect(await pen.members()).toEqual([])
  })

  test('takes with it what it left when it ends', async ({ pen }) => {
    const corral = await openInPen(pen)
    const wrapped = await corral.wrap('sh', ['-c', 'setsid sleep 1000 >/dev/null 2>&1 & exit 0'])
    start(wrapped)
    expect(await wrapped.session.closed).toMatchObject({ killed: { count: 1 } })
    expect(await pen.members()).toEqual([])
  })

  test('can come as often as it likes into a persistent session', async ({ pen }) => {
    const corral = await openInPen(pen)
    const wrapped = await corral.wrap('sh', ['-c', READY], { mode: 'persistent' })
    for (let round = 1; round <= 3; round++) {
      const { child } = start(wrapped)
      await line(child.stdout, /^ready$/)
      await eventually(`${round} are known`, () => wrapped.session.members().length === round)
    }
    expect(wrapped.session.state).toBe('running')
    expect(await wrapped.session.close({ graceMs: 0 })).toMatchObject({ killed: { count: 3 } })
  })

  test('has the limits of its session before it runs', async ({ pen }) => {
    const corral = await openInPen(pen, { enforcement: 'best-effort' })
    const { session } = await corral.wrap('true', [], { limits: { pidsMax: 7 } })
    expect(session.receipt.limits).toMatchObject([{ name: 'pidsMax', requested: 7 }])
    expect(session.receipt.createdInPlace).toBe(false)
  })

  test.for([
    [127, 'is not there', 'corral-test-no-such-program'],
    [126, 'cannot be run', '/etc/passwd'],
  ] as const)('ends with %i when it %s, and its session with it', async ([status, , command], { pen }) => {
    const corral = await openInPen(pen)
    const wrapped = await corral.wrap(command)
    const { child, exited } = start(wrapped)
    expect(await text(child.stderr)).toMatch(new RegExp(`^corral: '${command}' cannot be started: `))
    expect(await exited).toEqual([status, null])
    await wrapped.session.closed
    await corral.close()
    expect(await pen.groups()).toEqual([])
  })
})

describe('a session that was prepared', () => {
  test('and never entered closes at once', async ({ pen }) => {
    const corral = await openInPen(pen)
    const { session } = await corral.wrap('true')
    expect(await session.close()).toMatchObject({ reason: 'closed', killed: { count: 0 } })
    await corral.close()
    expect(await pen.groups()).toEqual([])
  })

  test('and closed takes nobody any more, not even when another one has its key', async ({ pen }) => {
    const corral = await openInPen(pen)
    const wrapped = await corral.wrap('sh', ['-c', READY], { key: 'k' })
    await wrapped.session.close()
    const again = await corral.wrap('sh', ['-c', READY], { key: 'k' })
    expect(again.session.receipt.path === wrapped.session.receipt.path).toBe(BACKEND === 'cgroup')
    const { child, exited } = start(wrapped)
    expect(await text(child.stderr)).toMatch(
      /^corral: the session (?:in|at) .* is over: start another one\n$/,
    )
    expect(await exited).toEqual([1, null])
    expect(again.session.members()).toEqual([])
  })

  test('has a key as any session, and can be aborted', async ({ pen }) => {
    const corral = await openInPen(pen)
    const aborting = new AbortController()
    const { session } = await corral.wrap('true', [], { key: 'k', signal: aborting.signal })
    await expect(corral.wrap('true', [], { key: 'k' })).rejects.toThrow(KeyLiveError)
    await expect(corral.spawn({ command: 'true', key: 'k' })).rejects.toThrow(KeyLiveError)
    aborting.abort()
    expect(await session.closed).toMatchObject({ reason: 'aborted' })
    const closing = corral.close()
    await expect(corral.wrap('true')).rejects.toThrow(ClosingError)
    await closing
    expect(await pen.groups()).toEqual([])
  })

  test('is ended from outside, entered or not', async ({ pen }) => {
    const corral = await openInPen(pen)
    const entered = await corral.wrap('sh', ['-c', READY], { key: 'entered' })
    const prepared = await corral.wrap('true', [], { key: 'prepared' })
    const { child } = start(entered)
    await line(child.stdout, /^ready$/)
    const { Observer } = await import('../../../src/observe/observer.js')
    const observed = BACKEND === 'cgroup' ? { root: pen.path } : ({ backend: 'subreaper' } as const)
    await new Observer(observed).kill({ instance: corral.id }, 0)
    expect(await entered.session.closed).toMatchObject({ reason: 'corral-kill' })
    expect(await prepared.session.closed).toMatchObject({ reason: 'corral-kill' })
    await eventually('the groups are gone', async () => (await pen.groups()).length <= 4)
  })

  test.for([
    ['no command', ['']],
    ['a command that is no text', [7]],
    ['arguments that are no list', ['true', 'args']],
    ['an option of spawn()', ['true', [], { cwd: '/' }]],
    ['a key that is none', ['true', [], { key: '' }]],
    ['a word with a NUL', ['true', ['a\0b']]],
  ] as const)('is refused for %s', async ([, args], { pen }) => {
    const corral = await openInPen(pen)
    const wrap = corral.wrap.bind(corral) as (...args: unknown[]) => Promise<WrappedCommand>
    await expect(wrap(...args)).rejects.toThrow(/command|args|option|key|NUL/)
    await expect(wrap(...args)).rejects.toMatchObject({ code: expect.stringMatching(/^CORRAL_INVALID/) })
    await corral.close()
    expect(await pen.groups()).toEqual([])
  })
})
