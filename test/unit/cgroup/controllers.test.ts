// Controllers, on a plain directory that plays a cgroup: which are offered, what is written for a limit, and what
// is read of limits and use.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test as plain } from 'vitest'
import {
  changeLimits,
  limitSettings,
  readLimits,
  sessionSettings,
  unenforceable,
  writeSteps,
} from '../../../src/backend/cgroup/controllers/apply.js'
import type { Controller } from '../../../src/backend/cgroup/controllers/controller.js'
import {
  CONTROLLERS,
  enableControllers,
  enabledControllers,
  enableSteps,
  offeredControllers,
} from '../../../src/backend/cgroup/controllers/index.js'
import { readUsage } from '../../../src/backend/cgroup/controllers/usage.js'
import { KernelError } from '../../../src/common/errors.js'

interface Group {
  path: string
  write(files: Record<string, string>): void
}

const test = plain.extend<{ group: Group }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are needed
  group: async ({}, use) => {
    const path = mkdtempSync(join(tmpdir(), 'corral-controllers-'))
    await use({
      path,
      write(files) {
        for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
      },
    })
    rmSync(path, { recursive: true })
  },
})

const named = (...names: string[]): Controller[] => CONTROLLERS.filter(({ name }) => names.includes(name))

/** [path, value] of each step; all must be writes. */
function written(steps: string): [string, string][] {
  const fields = steps.split('\0')
  expect(fields.pop()).toBe('')
  return Array.from({ length: fields.length / 4 }, (_, index) => {
    const [kind, path = '', value = '', name] = fields.slice(index * 4, index * 4 + 4)
    expect([kind, name]).toEqual(['write', ''])
    return [path, value]
  })
}

/** The files of a group without limits. */
const unlimited = {
  'memory.max': 'max\n',
  'memory.high': 'max\n',
  'memory.swap.max': 'max\n',
  'pids.max': 'max\n',
  'cpu.max': 'max 100000\n',
  'cpu.weight': '100\n',
  'io.weight': 'default 100\n',
}

const namesOf = (controllers: Controller[]) => controllers.map(({ name }) => name)

describe('the controllers that a directory offers', () => {
  test('are those of ours among all', ({ group }) => {
    group.write({ 'cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n' })
    expect(namesOf(offeredControllers(group.path)).sort()).toEqual(['cpu', 'io', 'memory', 'pids'])
  })

  test('have no cpu where there is only cpuset, and no io where there is only iocost', ({ group }) => {
    group.write({ 'cgroup.controllers': 'cpuset iocost memory.v1\n' })
    expect(namesOf(offeredControllers(group.path))).toEqual([])
    group.write({ 'cgroup.controllers': 'cpuset cpu memory\n' })
    expect(namesOf(offeredControllers(group.path)).sort()).toEqual(['cpu', 'memory'])
  })

  test('are none where the file is empty or missing', ({ group }) => {
    expect(offeredControllers(group.path)).toEqual([])
    group.write({ 'cgroup.controllers': '\n' })
    expect(offeredControllers(group.path)).toEqual([])
  })
})

describe('turning controllers on', () => {
  test('writes what is offered and not yet on', ({ group }) => {
    group.write({ 'cgroup.controllers': 'cpuset memory\n', 'cgroup.subtree_control': '\n' })
    enableControllers(group.path)
    expect(readFileSync(join(group.path, 'cgroup.subtree_control'), 'utf8')).toBe('+memory')
  })

  test('writes nothing where all is on', ({ group }) => {
    const on = 'cpuset cpu memory pids\n'
    group.write({ 'cgroup.controllers': on, 'cgroup.subtree_control': on })
    expect(namesOf(enableControllers(group.path)).sort()).toEqual(['cpu', 'memory', 'pids'])
    expect(readFileSync(join(group.path, 'cgroup.subtree_control'), 'utf8')).toBe(on)
  })

  test('tells what is on in the end, not what was asked for', ({ group }) => {
    group.write({ 'cgroup.controllers': 'cpuset cpu\n', 'cgroup.subtree_control': 'cpuset\n' })
    expect(enabledControllers(group.path)).toEqual([])
    // The file is a plain one here: what was written is no word that the kernel would have answered
    expect(enableControllers(group.path)).toEqual([])
  })

  test('below a new directory is one step for all of them', () => {
    const steps = enableSteps('/g', named('memory', 'pids'))
    expect(written(steps)).toEqual([['/g/cgroup.subtree_control', '+memory +pids']])
    expect(enableSteps('/g', [])).toBe('')
  })
})

describe('limits that cannot be enforced', () => {
  const limits = { memoryMax: 4096, pidsMax: 10, cpuMax: 1, ioWeight: 50 }

  test('are those whose controller is not there', () => {
    expect(unenforceable(limits, named('memory', 'cpu'))).toEqual(['pidsMax', 'ioWeight'])
    expect(unenforceable(limits, CONTROLLERS)).toEqual([])
    expect(unenforceable(limits, [])).toEqual(['memoryMax', 'pidsMax', 'cpuMax', 'ioWeight'])
    expect(unenforceable({}, [])).toEqual([])
  })

  test('are none of all limits that there are, with all controllers', () => {
    const all = { memoryMax: 1, memoryHigh: 1, swapMax: 0, pidsMax: 1, cpuMax: 1, cpuWeight: 1, ioWeight: 1 }
    expect(unenforceable(all, CONTROLLERS)).toEqual([])
  })
})

describe('setting limits', () => {
  const limits = {
    memoryMax: 2 ** 30,
    memoryHigh: 2 ** 29,
    swapMax: 0,
    pidsMax: 512,
    cpuMax: 1.5,
    cpuWeight: 50,
    ioWeight: 200,
  }

  test('writes each into its file, in the form of the kernel', () => {
    expect(written(writeSteps('/g', limitSettings(limits, CONTROLLERS)))).toEqual([
      ['/g/memory.max', '1073741824'],
      ['/g/memory.high', '536870912'],
      ['/g/memory.swap.max', '0'],
      ['/g/pids.max', '512'],
      ['/g/cpu.max', '150000 100000'],
      ['/g/cpu.weight', '50'],
      ['/g/io.weight', 'default 200'],
    ])
  })

  test('writes sizes beyond 32 bits and fractions of a core in whole digits', () => {
    const steps = writeSteps('/g', limitSettings({ memoryMax: 2 ** 50, cpuMax: 0.01 }, CONTROLLERS))
    expect(written(steps)).toEqual([
      ['/g/memory.max', '1125899906842624'],
      ['/g/cpu.max', '1000 100000'],
    ])
  })

  test('writes nothing for a limit whose controller is not there', () => {
    expect(written(writeSteps('/g', limitSettings(limits, named('pids'))))).toEqual([['/g/pids.max', '512']])
    expect(writeSteps('/g', limitSettings(limits, []))).toBe('')
  })

  test('lets a session die whole where there is a memory controller', () => {
    expect(written(writeSteps('/g', sessionSettings(named('memory', 'pids'))))).toEqual([
      ['/g/memory.oom.group', '1'],
    ])
    expect(sessionSettings(named('pids'))).toEqual([])
  })

  test('in a directory that exists writes the same, and nothing else', ({ group }) => {
    group.write(unlimited)
    changeLimits(group.path, limits, CONTROLLERS)
    expect(readdirSync(group.path).sort()).toEqual([
      'cpu.max',
      'cpu.weight',
      'io.weight',
      'memory.high',
      'memory.max',
      'memory.swap.max',
      'pids.max',
    ])
    for (const [path, value] of written(writeSteps(group.path, limitSettings(limits, CONTROLLERS))))
      expect(readFileSync(path, 'utf8')).toBe(value)
  })

  test('lifts a limit for null', ({ group }) => {
    group.write(unlimited)
    changeLimits(group.path, limits, CONTROLLERS)
    changeLimits(group.path, { memoryMax: null, cpuMax: null, cpuWeight: null, ioWeight: null }, CONTROLLERS)
    const read = (file: string) => readFileSync(join(group.path, file), 'utf8')
    expect(['memory.max', 'cpu.max', 'cpu.weight', 'io.weight', 'pids.max'].map(read)).toEqual([
      'max',
      'max',
      '100',
      'default 100',
      '512',
    ])
  })

  test('changes all or nothing', ({ group }) => {
    const { 'pids.max': _, ...others } = unlimited
    group.write(others)
    const changes = { memoryMax: 2 ** 20, cpuMax: 1, pidsMax: 7, swapMax: 0 }
    expect(() => changeLimits(group.path, changes, CONTROLLERS)).toThrow(KernelError)
    for (const [file, text] of Object.entries(others))
      expect(readFileSync(join(group.path, file), 'utf8').trimEnd()).toBe(text.trimEnd())
  })

  test.for([1 / 3, 2 / 3, 0.01, 1.000001, 63.999999])(
    'never gives more of the cpu than was asked for: %d cores',
    (cpuMax, { group }) => {
      group.write(unlimited)
      changeLimits(group.path, { cpuMax }, CONTROLLERS)
      const [held] = readLimits(group.path, { cpuMax }, CONTROLLERS)
      expect(held?.applied).toBeLessThanOrEqual(cpuMax)
      expect(held?.applied).toBeCloseTo(cpuMax, 4)
    },
  )
})

describe('reading limits back', () => {
  test('tells what the kernel holds', ({ group }) => {
    group.write({
      'memory.max': '1073741824\n',
      'memory.swap.max': '0\n',
      'pids.max': '512\n',
      'cpu.max': '150000 100000\n',
      'cpu.weight': '50\n',
      'io.weight': 'default 200\n8:0 300\n',
    })
    const limits = { memoryMax: 2 ** 30, swapMax: 0, pidsMax: 512, cpuMax: 1.5, cpuWeight: 50, ioWeight: 200 }
    const applied = readLimits(group.path, limits, CONTROLLERS)
    expect(applied).toEqual(
      Object.entries(limits).map(([name, requested]) => ({
        name,
        requested,
        applied: requested,
        enforcedBy: 'cgroup',
        effective: expect.any(Number),
      })),
    )
  })

  test('knows max as no limit', ({ group }) => {
    group.write({ 'memory.max': 'max\n', 'pids.max': 'max\n', 'cpu.max': 'max 100000\n' })
    const applied = readLimits(group.path, { memoryMax: 4096, pidsMax: 5, cpuMax: 1 }, CONTROLLERS)
    expect(applied.map((limit) => limit.applied)).toEqual([null, null, null])
    expect(applied.map((limit) => limit.enforcedBy)).toEqual(['none', 'none', 'none'])
  })

  test('says that nobody enforces a limit without its controller or its file', ({ group }) => {
    group.write({ 'memory.max': '4096\n' })
    const nobody = { applied: null, enforcedBy: 'none' }
    expect(readLimits(group.path, { memoryMax: 4096 }, named('pids'))).toMatchObject([nobody])
    expect(readLimits(group.path, { swapMax: 0 }, CONTROLLERS)).toMatchObject([nobody])
  })
})

describe('what a group used', () => {
  test('is read from all files that there are', ({ group }) => {
    group.write({
      'cpu.stat': 'usage_usec 30500\nuser_usec 20000\nsystem_usec 10500\nnr_periods 0\n',
      'memory.current': '1000\n',
      'memory.peak': '2000\n',
      'memory.max': '4096\n',
      'memory.swap.peak': '100\n',
      'memory.events': 'low 0\nhigh 1\nmax 7\noom 3\noom_kill 2\noom_group_kill 1\n',
      'pids.current': '3\n',
      'pids.peak': '9\n',
      'pids.events': 'max 12\n',
      'io.stat': '8:0 rbytes=100 wbytes=10 rios=1 wios=2\n253:1 rbytes=1 wbytes=5 rios=4 wios=4 dbytes=7\n',
    })
    expect(readUsage(group.path, CONTROLLERS)).toEqual({
      cpuUserMs: 20,
      cpuSystemMs: 10.5,
      memoryBytes: 1000,
      memoryPeakBytes: 2000,
      memoryMaxBytes: 4096,
      swapPeakBytes: 100,
      oomKills: 2,
      oomGroupKills: 1,
      memoryMaxHits: 7,
      memoryHighHits: 1,
      pids: 3,
      pidsPeak: 9,
      pidsMaxHits: 12,
      ioReadBytes: 101,
      ioWriteBytes: 15,
    })
  })

  test('leaves out what the kernel does not tell', ({ group }) => {
    expect(readUsage(group.path, CONTROLLERS)).toEqual({})
    group.write({ 'cpu.stat': 'usage_usec 1000\n', 'memory.max': 'max\n', 'memory.current': '0\n' })
    expect(readUsage(group.path, CONTROLLERS)).toEqual({ memoryBytes: 0 })
  })
})
