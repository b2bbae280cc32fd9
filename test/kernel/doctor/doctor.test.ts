// The diagnosis of this host: what it tells, that it tells the truth, and that it leaves nothing behind.
import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { diagnose } from '../../../src/doctor/doctor.js'
import { controllersHere, MEMORY_V1 } from '../../support/controllers.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

describe('the diagnosis of a root', () => {
  test('tells host, backend, root, kernel and findings', async ({ pen }) => {
    const diagnosis = await diagnose(pen.path)
    expect(diagnosis).toEqual({
      host: {
        os: expect.stringMatching(/\S/),
        kernel: os.release(),
        arch: process.arch,
        node: process.version,
        memoryBytes: os.totalmem(),
        virtual: expect.any(Boolean),
        container: expect.toSatisfy((told) => told === null || typeof told === 'string'),
        wsl: /microsoft/i.test(os.release()),
        layout: expect.stringMatching(/^(?:unified|hybrid)$/),
        unit: expect.toSatisfy((told) => told === null || typeof told === 'object'),
        swapBytes: expect.any(Number),
      },
      backend: 'cgroup',
      root: pen.path,
      candidates: [{ kind: 'explicit', path: pen.path, usable: true, why: expect.any(String) }],
      kernel: {
        controllers: expect.any(Array),
        memoryV1: controllersHere().includes(MEMORY_V1),
        cloneIntoCgroup: expect.any(Boolean),
        ownGroupKilled: false,
        cgroupKill: existsSync(join(pen.path, 'cgroup.kill')),
        freeze: existsSync(join(pen.path, 'cgroup.freeze')),
        labels: true,
        noGuard: undefined,
        missingLimits: expect.any(Array),
        unseen: expect.any(Array),
        memoryPeak: existsSync(join(pen.path, 'memory.peak')),
        pressure: ['cgroup.pressure', 'memory.pressure'].some((file) => existsSync(join(pen.path, file))),
      },
      warden: expect.stringMatching(/\/corral-warden$/),
      canCapMemory: expect.any(Boolean),
      findings: expect.any(Array),
    })
  })

  test('names the controllers that the root really offers', async ({ pen }) => {
    const offered = readFileSync(join(pen.path, 'cgroup.controllers'), 'utf8').split(/\s+/)
    const { kernel, canCapMemory } = await diagnose(pen.path)
    const ours = ['memory', 'pids', 'cpu', 'io'].filter((name) => offered.includes(name))
    expect(kernel?.controllers.toSorted()).toEqual(ours.toSorted())
    expect(canCapMemory).toBe(offered.includes('memory') || controllersHere().includes(MEMORY_V1))
  })

  test('leaves the root as it was', async ({ pen }) => {
    await diagnose(pen.path)
    expect(await pen.groups()).toEqual([])
    expect(await pen.members()).toEqual([])
  })

  test('does not disturb who lives there', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'cat', mode: 'persistent' })
    const before = await pen.groups()
    await diagnose(pen.path)
    expect(await pen.groups()).toEqual(before)
    expect(session.state).toBe('running')
    expect(await pen.members()).toEqual([session.process.pid])
  })
})

describe('the diagnosis without a root', () => {
  test('says why there is none and what to do, and does not throw', async () => {
    const diagnosis = await diagnose('/nowhere/at/all')
    expect(diagnosis).toMatchObject({
      backend: null,
      root: null,
      canCapMemory: false,
      candidates: [{ kind: 'explicit', path: '/nowhere/at/all', usable: false, why: 'it does not exist' }],
    })
    expect(diagnosis.kernel).toBeUndefined()
    expect(diagnosis.findings[0]).toMatchObject({ verdict: 'FAIL', guarantee: 'sessions can be held' })
    expect(diagnosis.findings[0]?.why).toContain('/nowhere/at/all: it does not exist')
    expect(diagnosis.findings[0]?.fix).toMatch(/--root.*Delegate=yes/)
  })
})
