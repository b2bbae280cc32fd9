import { expect, test } from 'vitest'
import { atRest, eventually, stays, within } from '../../support/eventually.js'

const never = () => new Promise<never>(() => undefined)

test('eventually() gives the first value that is not empty', async () => {
  let asked = 0
  expect(await eventually('the third', () => (++asked === 3 ? 'there' : ''))).toBe('there')
  expect(asked).toBe(3)
})

test('eventually() says what there is instead', async () => {
  const waiting = eventually('it comes', () => false, { withinMs: 1, instead: () => ['another'] })
  await expect(waiting).rejects.toThrow(/^not within \d+ ms: it comes; instead: \["another"\]$/)
})

test('within() settles as its promise does, and rejects one that takes too long', async () => {
  expect(await within('it is there', Promise.resolve(7))).toBe(7)
  await expect(within('it fails', Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  await expect(within('it ends', never(), 1)).rejects.toThrow(/^not within \d+ ms: it ends$/)
})

test('stays() resolves when the condition has held for the time, and rejects when it does not', async () => {
  let asked = 0
  await stays(() => ++asked > 0, { forMs: 20, why: 'it was asked', everyMs: 1 })
  expect(asked).toBeGreaterThan(1)
  const broken = stays(() => --asked > 0, { forMs: 60_000, why: 'it counts down', everyMs: 0 })
  await expect(broken).rejects.toThrow(/^no more after \d+ ms: it counts down$/)
})

test('atRest() resolves with what does not change any more', async () => {
  const seen = ['moves', 'rests', 'rests', 'moves again']
  expect(await atRest(() => seen.shift())).toBe('rests')
})
