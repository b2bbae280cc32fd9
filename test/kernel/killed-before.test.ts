// A gateway whose own cgroup was once ended by cgroup.kill, and is used again: a stop script, a supervisor that keeps its group.
// Kernels that compare kill sequence numbers kill unborn whatever it clones into another group (native/core/unborn.h).
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished } from 'vitest'
import { CLI } from '../cli/command-line.js'
import { eventually } from '../support/eventually.js'
import { line } from '../support/line.js'
import { makePen, type Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const GATEWAY = fileURLToPath(new URL('fixtures/one-of-each.mjs', import.meta.url))
const PLACED = {
  leaderInside: true,
  furtherInside: true,
  wrappedInside: true,
  guard: { alive: true, deaths: 1 },
}

interface Told {
  createdInPlace: boolean
  pids: number[]
}

/** A group that was killed once, beside the pen. */
async function killedGroup(pen: Pen): Promise<Pen> {
  const group = await makePen(path.dirname(pen.path), 'killed')
  onTestFinished(() => group[Symbol.asyncDispose]())
  await writeFile(`${group.path}/cgroup.kill`, '1')
  return group
}

/** The fixture in `home`, with what it has told. */
async function gateway(home: Pen, pen: Pen, ...more: string[]) {
  const child = home.spawn(process.execPath, [GATEWAY, pen.path, ...more], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (!child.stdout) throw new Error('no stdout')
  return { child, told: JSON.parse(await line(child.stdout, /^\{/)) as Told }
}

describe('a gateway in a group that was killed once', () => {
  test.beforeEach(({ skip, pen }) =>
    skip(!existsSync(`${pen.path}/cgroup.kill`), 'this kernel has no cgroup.kill'),
  )

  test('starts processes in their groups, and guards', async ({ pen }) => {
    const { child, told } = await gateway(await killedGroup(pen), pen)
    expect(told).toMatchObject(PLACED)
    child.stdin?.end('close\n')
    await eventually('nothing is left', async () => (await pen.groups()).length === 0)
  })

  test('that came into it after it was opened does so too', async ({ pen }) => {
    await using fresh = await makePen(path.dirname(pen.path), 'fresh')
    const { child, told } = await gateway(fresh, pen, (await killedGroup(pen)).path)
    expect(told).toMatchObject(PLACED)
    child.stdin?.end('close\n')
    await eventually('nothing is left', async () => (await pen.groups()).length === 0)
  })

  test('leaves nothing when it is killed', async ({ pen }) => {
    const { child, told } = await gateway(await killedGroup(pen), pen)
    expect((await pen.members()).toSorted()).toEqual(told.pids.toSorted())
    child.kill('SIGKILL')
    await eventually('nothing is left', async () => (await pen.groups()).length === 0)
    expect(await pen.everybody()).toEqual([])
  })

  test('is told by the doctor what its receipts say, and why', async ({ pen }) => {
    const home = await killedGroup(pen)
    const { child, told } = await gateway(home, pen)
    child.stdin?.end('close\n')
    const doctor = home.spawn(process.execPath, [CLI, 'doctor', '--json', '--root', pen.path], {
      stdio: 'pipe',
    })
    let text = ''
    for await (const part of doctor.stdout ?? []) text += part
    const { kernel, findings } = JSON.parse(text)
    expect(kernel.cloneIntoCgroup).toBe(told.createdInPlace)
    expect(kernel.ownGroupKilled).toBe(!told.createdInPlace)
    const placed = findings.find(({ id }: { id: string }) => id === 'placed')
    expect(placed).toMatchObject(
      told.createdInPlace
        ? { verdict: 'PASS' }
        : { verdict: 'CAUTION', why: expect.stringContaining('was once ended by cgroup.kill') },
    )
  })

  test('is one from which corral run works', async ({ pen }) => {
    const home = await killedGroup(pen)
    const run = home.spawn(
      process.execPath,
      [CLI, 'run', '--root', pen.path, '--', 'cat', '/proc/self/cgroup'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let text = ''
    for await (const part of run.stdout ?? []) text += part
    expect(text).toMatch(/\/agent\/in$/m)
    await eventually('nothing is left', async () => (await pen.groups()).length === 0)
  })

  // What dies unborn because its *own* group was killed must not be moved into that
  test('does not start anything in a session that was killed meanwhile', async ({ pen }) => {
    const { loadNative } = await import('../../src/native/addon.js')
    const { packPlan } = await import('../../src/native/plan.js')
    await mkdir(`${pen.path}/target`)
    await writeFile(`${pen.path}/target/cgroup.kill`, '1')
    const plan = packPlan(
      { command: 'true', argv: ['true'], stdio: ['ignore', 'ignore', 'ignore'] },
      { group: `${pen.path}/target`, make: '', noClone3: false },
    )
    const outcome = await loadNative()
      .spawn(plan)
      .started.then(
        ([, , createdInPlace]) => createdInPlace,
        ({ errno }: { errno: number }) => errno,
      )
    expect([true, -125]).toContain(outcome) // kernels from 7.3 on let it live
    expect(await pen.groups()).toEqual([`${pen.path}/target`]) // no throw-away group is left
  })
})
