// Instances that are opened inside a session are below it: under its limits, among its members, and ended with it, three deep.
import { existsSync } from 'node:fs'
import { describe, expect, onTestFinished } from 'vitest'
import { CLI, corral as command, refused } from '../../cli/command-line.js'
import { eventually } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { lacks } from '../../support/lacks.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { OTHER_UID } from '../../support/other-user.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const run = (options: string[], ...words: string[]) => [
  process.execPath,
  CLI,
  'run',
  ...options,
  '--',
  ...words,
]

/** Two more sessions, one in the other, with the program in the inner one. */
const twoMore = (middle: string[], ...program: string[]) => {
  const [node = '', ...args] = run(middle, ...run(['--session', 'inner'], ...program))
  return { command: node, args }
}

const MIDDLE = ['--session', 'middle']
const SLEEPS = ['sh', '-c', 'setsid sleep 1000 & echo "$$ $!"; exec sleep 1000']
const SAYS_PIDS = /^\d+ \d+$/

const hog = (mib: number) => [process.execPath, '-e', `Buffer.alloc(${mib} << 20, 1); console.log('has it')`]

describe('a session in a session in a session', () => {
  test('is below these, and its processes are members of all of them', async ({ pen }) => {
    const corral = await openInPen(pen)
    const outer = await corral.spawn({ key: 'outer', ...twoMore(MIDDLE, ...SLEEPS) })
    const pids = (await line(outer.process.stdout ?? process.stdin, SAYS_PIDS)).split(' ').map(Number)
    expect(outer.members()).toEqual(expect.arrayContaining(pids))
    const inside =
      /\/sessions\/outer\/agent\/corral\/i[^/]+\/sessions\/middle\/agent\/corral\/i[^/]+\/sessions\/inner\/agent\/in$/
    expect((await pen.groups()).filter((group) => inside.test(group))).toHaveLength(1)
    const [before] = corral.list()
    expect(before?.children).toEqual([])
    expect(await outer.close({ graceMs: 0 })).toMatchObject({ reason: 'closed' })
    expect(await pen.members()).toEqual([])
  })

  test('leaves room for another of the same key when the outermost is closed', async ({ pen }) => {
    const corral = await openInPen(pen)
    for (let round = 0; round < 2; round++) {
      const outer = await corral.spawn({ key: 'outer', ...twoMore(MIDDLE, ...SLEEPS) })
      await line(outer.process.stdout ?? process.stdin, SAYS_PIDS)
      const { path } = outer.receipt
      await outer.close({ graceMs: 0 })
      expect(existsSync(path)).toBe(false)
    }
  })

  test('cannot be below one of which the cgroup was made threaded: it is beside it, or held by a subreaper', async ({
    pen,
    skip,
  }) => {
    skip(
      !lacks('memory') || !lacks('pids'),
      'where controllers are on, nobody leaves the cgroup to make it threaded',
    )
    const corral = await openInPen(pen)
    const script = `own="$0"; echo 0 >"$own/cgroup.procs"; echo threaded >"$own/in/cgroup.type"; echo 0 >"$own/in/cgroup.procs"; exec "$@"`
    const inner = run([], 'sh', '-c', 'tail -n 1 /proc/self/cgroup; exec sleep 1000')
    const outer = await corral.spawn({
      key: 'outer',
      command: 'sh',
      args: ['-c', 'read own; exec sh -c "$0" "$own" "$@"', script, ...inner],
    })
    outer.process.stdin?.write(`${outer.receipt.path}\n`)
    const place = await line(outer.process.stdout ?? process.stdin, /^0::/)
    expect(place).toMatch(/\/agent\/in$/)
    // An ordinary user has no other cgroup to build in
    expect(place.includes('/outer/')).toBe(lacks('root'))
    await outer.close({ graceMs: 0 })
    expect(outer.state).toBe('removed')
  })

  test('of another user than its gateway takes no cgroup, and systemd gives it none', async ({
    pen,
    skip,
  }) => {
    skip(lacks('root'), 'only root starts programs of other users')
    const corral = await openInPen(pen)
    const [node = '', ...args] = run([], 'tail', '-n', '1', '/proc/self/cgroup')
    const outer = await corral.spawn({ key: 'outer', command: node, args, uid: OTHER_UID, gid: OTHER_UID })
    expect(await line(outer.process.stdout ?? process.stdin, /^0::/)).toMatch(/\/outer\/agent\/in$/)
    expect(await outer.closed).toMatchObject({ exitCode: 0 })
  })

  const holding = lacks('any-memory') ? test.skip : test
  const CAP = { memoryMax: '100M', ...(!lacks('memory') && { swapMax: 0 }) }

  holding('is held by the cap of the outermost', async ({ pen }) => {
    const corral = await openInPen(pen)
    const outer = await corral.spawn({ key: 'outer', limits: CAP, ...twoMore(MIDDLE, ...hog(200)) })
    let said = ''
    outer.process.stdout?.on('data', (text) => {
      said += text
    })
    // The controller of v1 counts who was killed where it was, not above that
    const held = { reason: 'memory-limit', outOfMemory: { of: 'session', path: outer.receipt.path } }
    expect(await outer.closed).toMatchObject(lacks('memory') ? { signal: 'SIGKILL' } : held)
    expect(said).toBe('')
    expect(await pen.members()).toEqual([])
  })

  holding('is ended at the cap of the middle one, which is not the outermost’s', async ({ pen }) => {
    const corral = await openInPen(pen)
    const capped = [...MIDDLE, '--memory-max', '100M', ...(lacks('memory') ? [] : ['--swap-max', '0'])]
    const [node, ...words] = [...run(capped, ...run(['--session', 'inner'], ...hog(200)))]
    const script = '"$@"; echo "status $?"; exec sleep 1000'
    const outer = await corral.spawn({
      key: 'outer',
      command: 'sh',
      args: ['-c', script, 'sh', node ?? '', ...words],
    })
    expect(await line(outer.process.stdout ?? process.stdin, /^status|has it/)).toBe('status 137')
    expect(outer.state).toBe('running')
    expect(await outer.close({ graceMs: 0 })).not.toHaveProperty('outOfMemory')
  })
})

describe('all that sessions in sessions are goes', () => {
  const nothingLeft = (pen: Pen) =>
    eventually('nothing is left', async () => (await pen.groups()).length === 0, {
      instead: () => pen.groups(),
    })

  async function nested(pen: Pen) {
    const gateway = await Gateway.open(undefined, { root: pen.path })
    onTestFinished(() => void gateway.child.kill('SIGKILL'))
    await gateway.spawn({ key: 'outer', ...twoMore(MIDDLE, ...SLEEPS) }, SAYS_PIDS.source)
    return gateway
  }

  test('with the gateway, by its guard', async ({ pen }) => {
    const gateway = await nested(pen)
    await gateway.kill()
    await nothingLeft(pen)
  })

  test('with the gateway and its guard, by a sweep', async ({ pen }) => {
    const gateway = await nested(pen)
    await gateway.killWithGuard(pen.path)
    expect(await refused(['sweep', '--root', pen.path])).toMatchObject({ status: 0 })
    await nothingLeft(pen)
  })

  test('by corral kill', async ({ pen }) => {
    const gateway = await nested(pen)
    expect(await command(['kill', '--root', pen.path, 'outer'])).toMatchObject({ status: 0 })
    expect(await gateway.closed('outer')).toMatchObject({ reason: 'corral-kill' })
    await gateway.leave()
    await nothingLeft(pen)
  })

  test('at the end of the program in it', async ({ pen }) => {
    const { status } = await command([
      'run',
      '--root',
      pen.path,
      '--',
      ...run(MIDDLE, ...run([], 'sh', '-c', 'setsid sleep 1000 & exit 7')),
    ])
    expect(status).toBe(7)
    await nothingLeft(pen)
  })
})
