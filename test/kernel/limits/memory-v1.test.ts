// Memory caps on a host with the memory controller of v1 beside a cgroup2 without: held by the kernel, in a twin of each
// session's cgroup, and nothing of that is left behind.
import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import type { LimitHit } from '../../../src/index.js'
import { loadNative } from '../../../src/native/addon.js'
import { Observer } from '../../../src/observe/observer.js'
import { corral, LIVING, orphan, running } from '../../cli/command-line.js'
import { compiled } from '../../support/compile-payload.js'
import { MEMORY_V1, needing } from '../../support/controllers.js'
import { eventually } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import { memoryTwins } from '../../support/suite-memory.js'
import { expectNothingLeft } from '../warden/warden.js'

const test = needing(MEMORY_V1)
const MIB = 2 ** 20
const payload = () => compiled(fileURLToPath(new URL('./payloads/memory.c', import.meta.url)))

/** The v1 memory cgroup of a process. */
function memoryGroupOf(pid: number | undefined): string {
  return /^\d+:memory:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? ''
}

/** The twins of one instance: other tests have theirs at the same time. */
function twinsOf(instance: string): string[] {
  return memoryTwins().filter((directory) => directory.includes(`/corral-${instance}`))
}

describe('a cap that v1 holds', () => {
  test('kills the session whole, and nothing else, and is no less than required', async ({ pen }) => {
    const instance = await openInPen(pen)
    const bystander = await instance.spawn({ command: 'sleep', args: ['1000'] })
    const session = await instance.spawn({
      command: await payload(),
      args: ['0', 'in a grandchild'],
      limits: { memoryMax: '64M' },
    })
    const hits: LimitHit[] = []
    session.on('limit', (hit) => hits.push(hit))
    expect(session.receipt.limits).toEqual([
      {
        name: 'memoryMax',
        requested: 64 * MIB,
        applied: 64 * MIB,
        enforcedBy: 'cgroup-v1',
        effective: 64 * MIB,
      },
    ])
    const report = await session.closed
    expect(report).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'session', memoryMax: 64 * MIB },
      usage: { oomKills: 1, memoryMaxBytes: 64 * MIB },
    })
    expect(report.usage.memoryPeakBytes).toBe(64 * MIB)
    expect(report.hits).toMatchObject([{ kind: 'memory-limit' }])
    expect(hits).toEqual(report.hits)
    expect(bystander.state).toBe('running')
    expect(await pen.members()).toEqual([bystander.process.pid])
    await instance.close({ graceMs: 0 })
    expect(twinsOf(instance.id)).toEqual([])
  })

  test('can be that of a family or of the instance, and the report says so', async ({ pen }) => {
    const instance = await openInPen(pen, { sessions: { memoryMax: '96M' } })
    expect(instance.limits()).toMatchObject([{ applied: 96 * MIB, enforcedBy: 'cgroup-v1' }])
    await instance.setFamilyLimits('mother', { memoryMax: '64M' })
    const inFamily = await instance.spawn({ command: await payload(), args: ['0'], parentKey: 'mother' })
    const outside = await instance.spawn({ command: 'sleep', args: ['1000'] })
    expect(await inFamily.closed).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'family', memoryMax: 64 * MIB },
    })
    expect(outside.state).toBe('running')
    const alone = await instance.spawn({ command: await payload(), args: ['0'] })
    expect(await alone.closed).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'instance', memoryMax: 96 * MIB },
    })
  })

  test('can come while the sessions live', async ({ pen }) => {
    const instance = await openInPen(pen)
    const wait = async (key: string) => {
      const script = 'echo ready; read go; "$0" 0 in-a-grandchild & wait'
      const args = ['-c', script, await payload()]
      const session = await instance.spawn({ key, parentKey: 'mother', command: 'sh', args })
      await line(session.process.stdout ?? process.stdin, /^ready$/)
      return session
    }
    for (const [key, of] of [
      ['a', 'family'],
      ['b', 'instance'],
    ] as const) {
      const session = await wait(key)
      if (of === 'family') await instance.setFamilyLimits('mother', { memoryMax: '64M' })
      else {
        await instance.setFamilyLimits('mother', { memoryMax: null })
        instance.setLimits({ memoryMax: '64M' })
      }
      session.process.stdin?.write('go\n')
      expect(await session.closed).toMatchObject({ reason: 'memory-limit', outOfMemory: { of } })
    }
  })

  test('can be changed while the session lives, by its owner and by others', async ({ pen }) => {
    const instance = await openInPen(pen)
    const session = await instance.spawn({ key: 'a', command: await payload(), args: ['60'] })
    await line(session.process.stdout ?? process.stdin, /^has 60$/)
    session.setLimits({ memoryMax: '128M' })
    expect(session.receipt.limits).toMatchObject([{ applied: 128 * MIB, enforcedBy: 'cgroup-v1' }])
    const observer = new Observer({ root: pen.path })
    const [changed] = await observer.setLimits({ keys: ['a'] }, { memoryMax: '100M' }, { family: false })
    expect(changed?.limits).toMatchObject([{ applied: 100 * MIB, enforcedBy: 'cgroup-v1' }])
    const view = (await observer.list())[0]?.sessions[0]?.group
    expect(view?.usage.memoryMaxBytes).toBe(100 * MIB)
    expect(view?.usage.memoryBytes).toBeGreaterThan(60 * MIB)
    expect(session.usage().memoryPeakBytes).toBeGreaterThan(60 * MIB)
    // Less than what is in use, and nothing that could be given back
    expect(() => session.setLimits({ memoryMax: '16M' })).toThrow(/below what is in use/)
    expect(session.receipt.limits).toMatchObject([{ applied: 100 * MIB }])
    expect(session.state).toBe('running')
  })

  test('is told of in the report when others than its owner have raised it', async ({ pen }) => {
    const instance = await openInPen(pen)
    const spawn = (key: string) => instance.spawn({ key, command: 'cat', limits: { memoryMax: '64M' } })
    const [raised, changed, lowered] = [await spawn('raised'), await spawn('changed'), await spawn('lowered')]
    for (const [session, text] of [
      [raised, '-1'],
      [lowered, `${32 * MIB}`],
    ] as const) {
      const twin = memoryTwins().find((at) => at.endsWith(memoryGroupOf(session.process.pid)))
      writeFileSync(join(twin ?? '', 'memory.limit_in_bytes'), text)
    }
    changed.setLimits({ memoryMax: '128M' })
    expect((await raised.close()).limitsRaised).toEqual([{ name: 'memoryMax', set: 64 * MIB, held: null }])
    expect(await changed.close()).not.toHaveProperty('limitsRaised')
    expect(await lowered.close()).not.toHaveProperty('limitsRaised')
  })

  test('holds for what is spawned later, and for what enters a wrapped session', async ({ pen }) => {
    const instance = await openInPen(pen, { defaults: { memoryMax: '64M' } })
    const session = await instance.spawn({ command: 'sleep', args: ['1000'] })
    const terminal = await session.spawn('sleep', ['1000'])
    expect(memoryGroupOf(terminal.pid)).toBe(memoryGroupOf(session.process.pid))
    expect(memoryGroupOf(terminal.pid)).toContain(`/corral-${instance.id}/`)
    const wrapped = await instance.wrap(await payload(), ['0', 'in a grandchild'])
    pen.spawn(wrapped.command, wrapped.args, { stdio: 'ignore' })
    expect(await wrapped.session.closed).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'session', memoryMax: 64 * MIB },
    })
  })

  test('holds for `corral run`, which ends all that the command started', async ({ pen }) => {
    const { signal, stderr } = await corral([
      ...['run', '--root', pen.path, '--parent', 'mother', '--memory-max', '64M', '--'],
      ...[await payload(), '0', 'in a grandchild'],
    ])
    expect(stderr).toBe('corral: memory ran out: the session is ended\n')
    expect(signal).toBe('SIGKILL')
    expect(await pen.groups()).toEqual([])
  })
})

describe('nothing is left in the v1 hierarchy', () => {
  test('when a command cannot be started', async ({ pen }) => {
    const instance = await openInPen(pen)
    const home = twinsOf(instance.id)
    expect(home).toHaveLength(1)
    await expect(instance.spawn({ command: '/no/such/command' })).rejects.toThrow(/ENOENT|no such file/i)
    expect(twinsOf(instance.id)).toEqual(home)
    await instance.close()
    expect(twinsOf(instance.id)).toEqual([])
  })

  test('when the gateway is killed', async ({ pen }) => {
    const gateway = await Gateway.open(undefined, { root: pen.path })
    await gateway.sleepers(2)
    expect(twinsOf(gateway.instance)).not.toEqual([])
    await gateway.kill()
    await expectNothingLeft(pen)
    await eventually('the twins are gone', () => twinsOf(gateway.instance).length === 0)
  })

  test.for(['corral sweep', 'the next corral run'])(
    'when both were killed, after %s',
    async (who, { pen }) => {
      const run = await running(pen, [], LIVING)
      const [{ instance = '' } = {}] = await new Observer({ root: pen.path }).list()
      expect(twinsOf(instance)).toHaveLength(3)
      await orphan(run, pen)
      expect(twinsOf(instance)).toHaveLength(3)
      const args = who === 'corral sweep' ? ['sweep'] : ['run']
      expect(
        await corral([...args, '--root', pen.path, ...(who === 'corral sweep' ? [] : ['--', 'true'])]),
      ).toMatchObject({ status: 0 })
      expect(twinsOf(instance)).toEqual([])
      expect(await pen.groups()).toEqual([])
    },
  )

  test('but what a label names and Corral has not made stays', async ({ pen }) => {
    const run = await running(pen, [], LIVING)
    const [view] = await new Observer({ root: pen.path }).list()
    const [home = ''] = twinsOf(view?.instance ?? '')
    loadNative().setLabel(view?.path ?? '', 'user.corral.memory', pen.path)
    await orphan(run, pen)
    expect(await corral(['sweep', '--root', pen.path])).toMatchObject({ status: 0 })
    expect(existsSync(pen.path)).toBe(true)
    expect(existsSync(home)).toBe(true)
    for (const directory of twinsOf(view?.instance ?? '').toReversed()) rmdirSync(directory)
  })
})
