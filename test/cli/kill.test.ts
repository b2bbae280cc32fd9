// `corral kill` ends sessions of other processes, and those hear why.
import { describe, expect } from 'vitest'
import { openCorral } from '../../src/index.js'
import { eventually } from '../support/eventually.js'
import { openInPen } from '../support/open-in-pen.js'
import { test } from '../support/pen-test.js'
import { corral, LIVING, orphan, refused, running } from './command-line.js'

const living = { command: 'cat', mode: 'persistent' } as const
const KILLED = [null, 'SIGKILL']

describe('corral kill', () => {
  test('KEY ends that session of a corral run, which ends too', async ({ pen }) => {
    const doomed = await running(pen, ['--session', 'doomed'], `setsid sleep 1000 & ${LIVING}`)
    const spared = await running(pen, ['--session', 'spared'], LIVING)
    const { status, stdout } = await corral(['kill', '--root', pen.path, 'doomed'])
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'doomed: gone (2 killed)\n' })
    expect(await doomed.exited).toEqual(KILLED)
    expect(await pen.members()).toHaveLength(1)
    spared.child.stdin.end()
    expect(await spared.exited).toEqual([0, null])
    expect(await pen.groups()).toEqual([])
  })

  test('KEY KEY ends both', async ({ pen }) => {
    const [first, second] = [
      await running(pen, ['--session', 'a/1'], LIVING),
      await running(pen, ['--session', '--all'], LIVING),
    ]
    const { status, stdout } = await corral(['kill', '--root', pen.path, 'a/1', '--', '--all'])
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n').sort()).toEqual(['--all: gone (1 killed)', 'a/1: gone (1 killed)'])
    expect([await first.exited, await second.exited]).toEqual([KILLED, KILLED])
    expect(await pen.members()).toEqual([])
  })

  test.for(['cgroup', 'subreaper'] as const)(
    'is the reason, and as many are killed, where a gateway closes as its connection ends: %s',
    async (backend, { pen, onTestFinished }) => {
      const owner = await openCorral(backend === 'cgroup' ? { root: pen.path } : { backend })
      onTestFinished(async () => void (await owner.close({ graceMs: 0 })))
      const where = backend === 'cgroup' ? ['--root', pen.path] : ['--backend', backend]
      for (const mode of ['oneshot', 'persistent'] as const) {
        const key = `${owner.id}-${mode}`
        const session = await owner.spawn({
          key,
          mode,
          command: 'sh',
          args: ['-c', 'sleep 1000 & sleep 1000'],
        })
        session.process.stdout?.resume().on('end', () => session.close({ reason: 'connection-closed' }))
        await eventually('all are there', () => session.members().length === 3)
        const { stdout } = await corral(['kill', ...where, key])
        expect(stdout).toBe(`${key}: gone (3 killed)\n`)
        expect(await session.closed).toMatchObject({ reason: 'corral-kill', killed: { count: 3 } })
      }
    },
  )

  test('names a key that nobody has, and ends the others', async ({ pen }) => {
    const doomed = await running(pen, ['--session', 'doomed'], LIVING)
    const { signal: _, ...told } = await corral(['kill', '--root', pen.path, 'nobody', 'doomed'])
    expect(told).toEqual({
      status: 1,
      stdout: 'doomed: gone (1 killed)\n',
      stderr: 'corral: nobody: no such session\n',
    })
    expect(await doomed.exited).toEqual(KILLED)
  })

  test('--parent ends all below a key, of whichever process', async ({ pen }) => {
    const child = await running(pen, ['--session', 'child', '--parent', 'mother'], LIVING)
    const owner = await openInPen(pen)
    const mother = await owner.spawn({ ...living, key: 'mother' })
    const other = await owner.spawn({ ...living, key: 'other', parentKey: 'mother' })
    const below = await owner.spawn({ ...living, key: 'below', parentKey: 'other' })
    const { status, stdout } = await corral(['kill', '--root', pen.path, '--parent', 'mother', '--json'])
    expect(status).toBe(0)
    const killed = JSON.parse(stdout) as { key: string; killed: number }[]
    expect(killed.map(({ key }) => key).sort()).toEqual(['below', 'child', 'other'])
    expect(await child.exited).toEqual(KILLED)
    await Promise.all([other.closed, below.closed])
    expect(mother.state).toBe('running')
    expect(await pen.members()).toEqual([mother.process.pid])
  })

  test('--instance ends the sessions of that one', async ({ pen }) => {
    const [first, second] = [await openInPen(pen), await openInPen(pen)]
    const doomed = await first.spawn({ ...living, key: 'same' })
    const spared = await second.spawn({ ...living, key: 'same' })
    const { status, stdout } = await corral(['kill', '--root', pen.path, '--instance', first.id])
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'same: gone (1 killed)\n' })
    await doomed.closed
    expect(spared.state).toBe('running')
    expect(await pen.members()).toEqual([spared.process.pid])
  })

  test('--all ends all', async ({ pen }) => {
    const runs = [await running(pen, [], LIVING), await running(pen, ['--parent', 'p'], LIVING)]
    const owner = await openInPen(pen)
    const session = await owner.spawn(living)
    const { status, stdout } = await corral(['kill', '--root', pen.path, '--all'])
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(3)
    for (const { exited } of runs) expect(await exited).toEqual(KILLED)
    await session.closed
    expect(await pen.members()).toEqual([])
  })

  // The owner sees its leader end while the other process already removes the group: it must find the word all the same
  test('tells the owner why, each time', async ({ pen }) => {
    const owner = await openInPen(pen)
    const sessions = await Promise.all(Array.from({ length: 12 }, () => owner.spawn(living)))
    expect((await corral(['kill', '--root', pen.path, '--all'])).status).toBe(0)
    const reports = await Promise.all(sessions.map(({ closed }) => closed))
    expect(reports.map(({ reason }) => reason)).toEqual(Array(12).fill('corral-kill'))
    expect(reports.map(({ signal }) => signal)).toEqual(Array(12).fill('SIGKILL'))
  })

  test('--grace lets the session end by itself', async ({ pen }) => {
    const script = `trap 'exit 7' TERM; echo ready; while :; do read -r line; done`
    const { exited } = await running(pen, ['--session', 'polite'], script)
    const { stdout } = await corral(['kill', '--root', pen.path, '--grace', '1000000', 'polite'])
    expect(stdout).toBe('polite: gone (0 killed)\n')
    expect(await exited).toEqual([7, null])
  })

  test('of a session whose owner was killed ends it all the same', async ({ pen }) => {
    await orphan(await running(pen, ['--session', 'orphan'], 'echo ready; exec sleep 1000'), pen)
    expect(await pen.members()).toHaveLength(1)
    expect((await corral(['kill', '--root', pen.path, 'orphan'])).status).toBe(0)
    expect(await pen.members()).toEqual([])
  })
})

describe('corral kill, where nothing fits,', () => {
  test.for([
    ['a key', ['nobody']],
    ['a parent', ['--parent', 'alive']],
    ['an instance', ['--instance', 'i0123456789']],
  ] as const)('ends with 1 for %s and ends nothing', async ([, args], { pen }) => {
    const owner = await openInPen(pen)
    await owner.spawn({ ...living, key: 'alive' })
    const { status, stdout, stderr } = await corral(['kill', '--root', pen.path, ...args])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^corral: (nobody: )?no such session\n$/)
    expect(await pen.members()).toHaveLength(1)
  })

  test('ends with 0 for --all, which is fulfilled', async ({ pen }) => {
    expect((await corral(['kill', '--root', pen.path, '--all'])).status).toBe(0)
  })

  test.for([
    ['nothing', []],
    ['a key and --all', ['alive', '--all']],
    ['--parent and --all', ['--parent', 'a', '--all']],
    ['a grace time that is none', ['--grace', 'x', 'alive']],
    ['a negative grace time', ['--grace', '-5', 'alive']],
  ] as const)('ends with 2 for %s and ends nothing', async ([, args], { pen }) => {
    const owner = await openInPen(pen)
    await owner.spawn({ ...living, key: 'alive' })
    const { status, stdout, stderr } = await refused(['kill', '--root', pen.path, ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^(?:corral|error): \S/)
    expect(await pen.members()).toHaveLength(1)
  })
})
