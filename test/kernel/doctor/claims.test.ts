// What the doctor claims of this host is what then happens: each finding is put to the test by doing it, and what it says
// cannot be had is refused where it is required. Hosts with and without cgroups have these tests (test/hosts).
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { diagnose, type Finding, type Verdict } from '../../../src/doctor/doctor.js'
import {
  type Corral,
  type Limits,
  LimitUnsupportedError,
  RootError,
  type SpawnOptions,
} from '../../../src/index.js'
import { BACKEND, inPen } from '../../support/backend.js'
import { compiled } from '../../support/compile-payload.js'
import { eventually } from '../../support/eventually.js'
import { Gateway } from '../../support/gateway.js'
import { line } from '../../support/line.js'
import { openInPen } from '../../support/open-in-pen.js'
import type { Pen } from '../../support/pen.js'
import { test } from '../../support/pen-test.js'

const MIB = 2 ** 20
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const payload = (name: string) => compiled(file(`../limits/payloads/${name}.c`))
const SLEEPING: SpawnOptions = {
  command: 'sh',
  args: ['-c', 'setsid sleep 1000 & exec sleep 1000'],
  mode: 'persistent',
}

/** Without cgroups: of the host, which is then known to have none. */
const diagnoseHere = (pen: Pen) => (BACKEND === 'cgroup' ? diagnose(pen.path) : diagnose())

type Claim = (pen: Pen, finding: Finding) => Promise<void>

/** A limit that nothing enforces is refused, and nothing was started. */
const refused =
  (limits: Limits): Claim =>
  async (pen) => {
    const corral = await openInPen(pen)
    await expect(corral.spawn({ ...SLEEPING, limits })).rejects.toThrow(LimitUnsupportedError)
    expect(await pen.members()).toEqual([])
  }

const applied = (corral: Corral, limits: Limits) =>
  corral.spawn({ ...SLEEPING, limits }).then(({ receipt }) => receipt.limits)

/** A session that uses memory without end, in a grandchild, beside one that sleeps. */
async function hog(pen: Pen, enforcement: 'required' | 'best-effort') {
  const corral = await openInPen(pen, { enforcement })
  const bystander = await corral.spawn(SLEEPING)
  const limits = { memoryMax: '64M' }
  const session = await corral.spawn({
    command: await payload('memory'),
    args: ['0', 'in a grandchild'],
    limits,
  })
  return { bystander, session, report: await session.closed }
}

const dies =
  (enforcement: 'required' | 'best-effort', enforcedBy: string): Claim =>
  async (pen) => {
    const { bystander, session, report } = await hog(pen, enforcement)
    expect(session.receipt.limits).toMatchObject([{ name: 'memoryMax', enforcedBy }])
    expect(report).toMatchObject({
      reason: 'memory-limit',
      outOfMemory: { of: 'session', memoryMax: 64 * MIB },
    })
    expect(bystander.state).toBe('running')
    expect(await pen.members()).toHaveLength(2)
  }

const createdInPlace =
  (inPlace: boolean): Claim =>
  async (pen) => {
    const corral = await openInPen(pen)
    const { receipt, process: leader } = await corral.spawn(SLEEPING)
    expect(receipt.createdInPlace).toBe(inPlace)
    expect(readFileSync(`${receipt.path}/in/cgroup.procs`, 'utf8').split('\n')).toContain(String(leader.pid))
  }

/** Whichever way a group is killed: it is empty afterwards, and removed. */
const empties: Claim = async (pen) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({
    ...SLEEPING,
    args: ['-c', "trap '' TERM; setsid sleep 1000 & sleep 1000"],
  })
  await eventually('all are there', async () => (await pen.members()).length === 3)
  const { killed } = await session.close({ graceMs: 0 })
  expect(killed.count).toBe(3)
  expect(await pen.members()).toEqual([])
}

/** By what is used here, whatever the doctor thinks of it. */
const runs: Claim = async (pen) => {
  const corral = await openInPen(pen)
  const session = await corral.spawn({ command: 'sh', args: ['-c', 'exit 7'] })
  expect(session.receipt.backend).toBe(BACKEND)
  expect(await session.closed).toMatchObject({ exitCode: 7 })
}

const CLAIMS: Record<string, Partial<Record<Verdict, Claim>>> = {
  held: {
    PASS: runs,
    CAUTION: runs,
  },
  placed: { PASS: createdInPlace(true), CAUTION: createdInPlace(false) },
  empty: { PASS: empties, CAUTION: empties },
  guard: {
    PASS: async (pen) => {
      const gateway = await Gateway.open(undefined, inPen(pen))
      await gateway.sleepers(2)
      expect(await pen.members()).not.toEqual([])
      await gateway.kill()
      const left = async () => [...(await pen.groups()), ...(await pen.everybody())]
      await eventually('nothing is left', async () => (await left()).length === 0, { instead: left })
    },
  },
  memory: {
    PASS: dies('required', 'cgroup'),
    CAUTION: async (pen, finding) => {
      if (finding.why.includes('cgroup v1')) {
        await refused({ memoryHigh: '64M' })(pen, finding)
        return dies('required', 'cgroup-v1')(pen, finding)
      }
      await refused({ memoryMax: '64M' })(pen, finding)
      await dies('best-effort', 'watchdog')(pen, finding)
    },
  },
  swap: {
    PASS: async (pen, { why }) => {
      if (why === 'this machine has no swap')
        expect(readFileSync('/proc/swaps', 'utf8').trim().split('\n')).toHaveLength(1)
      else expect(await applied(await openInPen(pen), { swapMax: 0 })).toMatchObject([{ applied: 0 }])
    },
    CAUTION: refused({ swapMax: 0 }),
  },
  pids: {
    PASS: async (pen) => {
      const corral = await openInPen(pen)
      const bomb = await corral.spawn({ command: await payload('fork-bomb'), limits: { pidsMax: 16 } })
      const hit = new Promise((resolve) => bomb.once('limit', resolve))
      expect(await hit).toMatchObject({ kind: 'pids-limit-hit' })
      expect(bomb.members().length).toBeLessThanOrEqual(16)
      await bomb.close({ graceMs: 0 })
    },
    FAIL: refused({ pidsMax: 16 }),
  },
  cpu: {
    PASS: async (pen) => {
      const corral = await openInPen(pen)
      const script = 'echo runs; while :; do :; done'
      const { receipt, process: leader } = await corral.spawn({
        command: 'sh',
        args: ['-c', script],
        limits: { cpuMax: 0.1 },
      })
      await line(leader.stdout ?? process.stdin, /^runs$/)
      const throttled = () =>
        Number(/^nr_throttled (\d+)$/m.exec(readFileSync(`${receipt.path}/cpu.stat`, 'utf8'))?.[1])
      await eventually('the kernel holds it back', () => throttled() > 3)
    },
    FAIL: refused({ cpuMax: 0.1 }),
  },
  io: {
    PASS: async (pen) => {
      expect(await applied(await openInPen(pen), { ioWeight: 50 })).toMatchObject([
        { applied: 50, enforcedBy: 'cgroup' },
      ])
    },
    CAUTION: async (pen, finding) => {
      if (!finding.why.includes('cannot be seen')) return refused({ ioWeight: 50 })(pen, finding)
      await openInPen(pen)
      const again = (await diagnoseHere(pen)).findings.find(({ id }) => id === 'io')
      expect(again?.why).not.toMatch(/cannot be seen/)
      if (again) await CLAIMS['io']?.[again.verdict]?.(pen, again)
    },
  },
  oom: {
    PASS: (pen, finding) =>
      dies('required', finding.why.includes('v1') ? 'cgroup-v1' : 'cgroup')(pen, finding),
    // Where systemd could not be asked, only the unit's end is in doubt
    CAUTION: (pen, finding) =>
      finding.why.includes('could not be asked')
        ? dies('required', 'cgroup')(pen, finding)
        : refused({ memoryMax: '64M' })(pen, finding),
  },
  watches: {
    PASS: async (pen) => {
      // What a wrapped session is told by is a watch alone: nobody here is its parent
      const corral = await openInPen(pen)
      if (BACKEND === 'cgroup') await (await corral.wrap('true', [])).session.close()
      else await (await corral.spawn(SLEEPING)).close({ graceMs: 0 })
    },
  },
  others: {
    PASS: async (pen) =>
      expect((await (await openInPen(pen)).spawn(SLEEPING)).receipt.notHeld).toBeUndefined(),
    CAUTION: async (pen, { why }) => {
      const { receipt } = await (await openInPen(pen)).spawn(SLEEPING)
      expect(receipt.notHeld).not.toEqual([])
      for (const one of receipt.notHeld ?? []) expect(why).toContain(one)
    },
  },
}

// Without a cgroup there is nothing to say of groups, of swap, and of whom the kernel chooses when memory runs out
const SAID = Object.keys(CLAIMS).filter(
  (id) => BACKEND === 'cgroup' || !['placed', 'empty', 'swap', 'oom'].includes(id),
)
// Of the user and the manager of that, and of no session; and of caps that do not hold: test/kernel/limits/around.test.ts
const ELSEWHERE = ['linger', 'bus', 'around']

describe.for(SAID)('the doctor’s word on %s', (id) => {
  test('is what happens', async ({ pen }) => {
    const { findings } = await diagnoseHere(pen)
    const finding = findings.find((one) => one.id === id)
    if (!finding) throw new Error('it says nothing of it')
    const claim = CLAIMS[id]?.[finding.verdict]
    if (!claim) throw new Error(`what does ${finding.verdict} promise? It says: ${finding.why}`)
    await claim(pen, finding)
  })
})

test('there is nothing it says of this host that is not tried here', async ({ pen }) => {
  const { backend, findings } = await diagnoseHere(pen)
  expect(backend).toBe(BACKEND)
  expect(findings.map(({ id }) => id).filter((id) => !ELSEWHERE.includes(id))).toEqual(SAID)
})

test('where it says that nothing can be held, openCorral() refuses', async ({ pen }) => {
  const root = '/nowhere'
  const { findings, backend } = await diagnose(root)
  expect({ backend, held: findings[0] }).toMatchObject({
    backend: null,
    held: { id: 'held', verdict: 'FAIL' },
  })
  await expect(openInPen(pen, { backend: 'auto', root })).rejects.toThrow(RootError)
})
