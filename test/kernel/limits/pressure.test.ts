// Pressure: word that processes of a group had to wait, where the kernel tells it.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { loadNative } from '../../../src/native/addon.js'
import { compiled } from '../../support/compile-payload.js'
import { needing, PRESSURE } from '../../support/controllers.js'
import { eventually } from '../../support/eventually.js'
import { openInPen } from '../../support/open-in-pen.js'
import { test } from '../../support/pen-test.js'

const source = fileURLToPath(new URL('./payloads/memory.c', import.meta.url))
// More than there are cores to run them
const BUSY = 'for loop in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait'
const descriptors = () => readdirSync('/proc/self/fd').length

describe('the pressure on a group', () => {
  const told = needing(PRESSURE)

  told('is told each time that its processes wait', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'sh', args: ['-c', BUSY] })
    const native = loadNative()
    for (let round = 0; round < 2; round++)
      expect(await native.pressure(session.receipt.path, 'cpu.pressure', 'some 100000 2000000')).toBe(true)
    await session.close({ graceMs: 0 })
  })

  told('is waited for no longer than there is a group, and by nothing that stays', async ({ pen }) => {
    const corral = await openInPen(pen)
    const session = await corral.spawn({ command: 'sleep', args: ['1000'] })
    const native = loadNative()
    const before = descriptors()
    const waiting = native.pressure(session.receipt.path, 'memory.pressure', 'some 200000 2000000')
    await eventually('it is waited for', () => descriptors() === before + 1)
    await session.close({ graceMs: 0 })
    expect(await waiting).toBe(false)
    // and the pidfd of the leader
    await eventually('nothing is left open', () => descriptors() < before)
  })

  told('is no pressure where the trigger is none', async ({ pen }) => {
    const native = loadNative()
    await expect(native.pressure(pen.path, 'memory.pressure', 'some nonsense')).rejects.toThrow(
      /set trigger: Invalid argument .*memory\.pressure/,
    )
  })

  test('of a group that is not there is none', async ({ pen }) => {
    expect(await loadNative().pressure(`${pen.path}/none`, 'memory.pressure', 'some 200000 2000000')).toBe(
      false,
    )
  })

  needing('memory', PRESSURE)('for want of memory is an event of the session', async ({ pen }) => {
    const corral = await openInPen(pen)
    const pressure = new Promise((resolve) => corral.once('pressure', (...all) => resolve(all)))
    const limits = { memoryHigh: '16M', swapMax: 0 }
    const session = await corral.spawn({ command: await compiled(source), args: ['60'], limits })
    expect(await pressure).toEqual([{ resource: 'memory', stalledMs: 200, windowMs: 2000 }, session])
    await session.close({ graceMs: 0 })
  })
})
