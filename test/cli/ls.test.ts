// `corral ls` shows the sessions of all processes, to people and to programs.
import { describe, expect } from 'vitest'
import type { InstanceView } from '../../src/backend/outside.js'
import { openInPen } from '../support/open-in-pen.js'
import { test } from '../support/pen-test.js'
import { corral, LIVING, orphan, running } from './command-line.js'

interface Listing {
  root: string
  instances: InstanceView[]
}

const living = { command: 'cat', mode: 'persistent' } as const

describe('corral ls --json', () => {
  test('shows the session of a corral run in another process under its key', async ({ pen }) => {
    const { child, exited } = await running(pen, ['--session', 'agent:main/1', '--parent', 'host'], LIVING)
    const { status, stdout, stderr } = await corral(['ls', '--json', '--root', pen.path])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { root, instances } = JSON.parse(stdout) as Listing
    expect(root).toBe(pen.path)
    expect(instances).toMatchObject([
      {
        alive: true,
        pid: child.pid,
        sessions: [
          { key: 'host', children: [{ key: 'agent:main/1', group: { mode: 'oneshot', processes: 1 } }] },
        ],
      },
    ])
    child.stdin.end()
    await exited
    expect(JSON.parse((await corral(['ls', '--json', '--root', pen.path])).stdout)).toEqual({
      root: pen.path,
      instances: [],
    })
  })

  test('shows an instance whose owner was killed as dead', async ({ pen }) => {
    const run = await running(pen, ['--session', 'orphan'], 'echo ready; exec sleep 1000')
    await orphan(run, pen)
    const { instances } = JSON.parse((await corral(['ls', '--json', '--root', pen.path])).stdout) as Listing
    expect(instances).toMatchObject([
      { alive: false, pid: run.child.pid, sessions: [{ key: 'orphan', group: { processes: 1 } }] },
    ])
  })
})

describe('corral ls', () => {
  test('shows a tree under a heading', async ({ pen }) => {
    const owner = await openInPen(pen)
    await owner.spawn({ ...living, key: 'mother' })
    await owner.spawn({ ...living, key: 'child', parentKey: 'mother' })
    await owner.spawn({ ...living, key: 'lone', parentKey: 'nobody' })
    const { status, stdout } = await corral(['ls', '--root', pen.path])
    expect(status).toBe(0)
    const [heading, owners, ...rows] = stdout.trimEnd().split('\n')
    expect(heading).toMatch(/^SESSION +MODE +AGE +PROCS +MEMORY +PEAK +CAP +CPU +COMMAND$/)
    expect(owners).toMatch(new RegExp(`^${owner.id} \\(pid ${process.pid} `))
    expect(rows).toHaveLength(4)
    const [mother, nobody] = ['  mother ', '  nobody '].map((start) =>
      rows.findIndex((row) => row.startsWith(start)),
    ) as [number, number]
    expect(rows[mother]).toMatch(/^ {2}mother +persistent +\d+\.\ds +1 .* cat$/)
    expect(rows[mother + 1]).toMatch(/^ {4}child +persistent +\d+\.\ds +1 .* cat$/)
    expect(rows[nobody]).toMatch(/^ {2}nobody +\(parent\)$/)
    expect(rows[nobody + 1]).toMatch(/^ {4}lone +persistent +\d+\.\ds +1 .* cat$/)
  })

  test('says so where there is nothing', async ({ pen }) => {
    const { status, stdout } = await corral(['ls', '--root', pen.path])
    expect({ status, stdout }).toEqual({ status: 0, stdout: `no sessions below ${pen.path}\n` })
  })

  // Controls of both sets, a newline, and one that turns the direction of writing
  const evil = '\u001b[2J\n\u0007\u009b31m\u202e'

  test.for([
    ['a key', { key: `red${evil}`, command: 'cat' }],
    ['a command', { key: 'red', command: 'sh', args: ['-c', `cat #${evil}`] }],
  ] as const)('does not let %s write to the terminal', async ([, options], { pen }) => {
    const owner = await openInPen(pen)
    await owner.spawn(options)
    const { stdout } = await corral(['ls', '--root', pen.path])
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(stdout.trimEnd().split('\n')).toHaveLength(3)
    expect(stdout).toContain('red')
    // Escaped, and so still to be seen
    expect(stdout).toMatch(/\\\S+\[2J\\\S+31m\\/)
  })

  test('takes the root from CORRAL_ROOT, unless it is told another', async ({ pen }) => {
    const owner = await openInPen(pen)
    const env = { CORRAL_ROOT: pen.path }
    expect((await corral(['ls'], { env })).stdout).toContain(owner.id)
    const { status, stderr } = await corral(['ls', '--root', '/nowhere'], { env })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^corral: .*\/nowhere: it does not exist/)
  })
})
