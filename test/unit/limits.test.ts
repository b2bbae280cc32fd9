// Limits as callers write them, and what they are told about those that cannot be read.
import os from 'node:os'
import { describe, expect, test } from 'vitest'
import { LIMIT_NAMES, parseLimits } from '../../src/backend/limits.js'
import { InvalidLimitError } from '../../src/common/errors.js'

function refusalOf(limits: unknown, defaults = {}): InvalidLimitError {
  try {
    parseLimits(limits, defaults)
  } catch (error) {
    if (error instanceof InvalidLimitError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('a size', () => {
  test.each<[number | string, number]>([
    [1, 1],
    [4096.9, 4096],
    ['1', 1],
    ['65536', 65536],
    ['512B', 512],
    ['64K', 64 * 2 ** 10],
    ['512M', 512 * 2 ** 20],
    ['512m', 512 * 2 ** 20],
    ['512MB', 512 * 2 ** 20],
    ['512MiB', 512 * 2 ** 20],
    ['512 MiB', 512 * 2 ** 20],
    ['1.5G', 1.5 * 2 ** 30],
    [' 2T ', 2 * 2 ** 40],
  ])('of %o is %i bytes', (size, bytes) => {
    expect(parseLimits({ memoryMax: size })).toEqual({ memoryMax: bytes })
  })

  test('in percent is a share of the memory of the machine, or of its container', () => {
    const constrained = process.constrainedMemory()
    const machine = constrained > 0 ? Math.min(constrained, os.totalmem()) : os.totalmem()
    const { memoryMax, memoryHigh } = parseLimits({ memoryMax: '100%', memoryHigh: '25%' })
    expect(memoryMax).toBe(machine)
    expect(memoryHigh).toBe(Math.floor(machine / 4))
  })

  test('of nothing is one for swap, which can be forbidden, but not for memory', () => {
    expect(parseLimits({ swapMax: 0 })).toEqual({ swapMax: 0 })
    expect(parseLimits({ swapMax: '0' })).toEqual({ swapMax: 0 })
    expect(refusalOf({ memoryMax: 0 }).message).toMatch(/^Invalid memoryMax: .*, got 0$/)
  })
})

describe('a count', () => {
  test('is a whole number', () => {
    expect(parseLimits({ pidsMax: 512, cpuWeight: 10_000, ioWeight: 1 })).toEqual({
      pidsMax: 512,
      cpuWeight: 10_000,
      ioWeight: 1,
    })
  })

  test.each([
    ['pidsMax', 1.5],
    ['pidsMax', 0],
    ['pidsMax', 4194305],
    ['cpuWeight', 0],
    ['cpuWeight', 10_001],
    ['ioWeight', 10_001],
    ['ioWeight', -1],
  ])('%s of %d is refused with the range that there is', (name, value) => {
    const { code, message } = refusalOf({ [name]: value })
    expect(code).toBe('CORRAL_INVALID_LIMIT')
    expect(message).toMatch(new RegExp(`^Invalid ${name}: .*, got ${value}$`))
    expect(message).toMatch(/whole number from 1 to \d+/)
  })
})

describe('a number of cores', () => {
  test('can be a fraction', () => {
    expect(parseLimits({ cpuMax: 1.5 })).toEqual({ cpuMax: 1.5 })
    expect(parseLimits({ cpuMax: 0.01 })).toEqual({ cpuMax: 0.01 })
  })

  test.each([0, 0.001, -1, Number.NaN, Number.POSITIVE_INFINITY, '2'])(
    'is refused when it is %o',
    (value) => {
      const { code, message } = refusalOf({ cpuMax: value })
      expect(code).toBe('CORRAL_INVALID_LIMIT')
      expect(message).toContain(String(value))
      expect(message).toContain('a number of cores')
    },
  )
})

describe('a size that cannot be read', () => {
  const bad = ['1.5X', '', ' ', '-1', '1,5G', '1e3', 'max', '25%%', '%', -1, 0.5, Number.NaN, true]
  const beyond = [Number.POSITIVE_INFINITY, 2 ** 53, '99999999T']

  test.each([...bad, ...beyond])('is refused with the value and the accepted forms: %o', (value) => {
    const { code, message } = refusalOf({ memoryMax: value })
    expect(code).toBe('CORRAL_INVALID_LIMIT')
    expect(message).toContain(typeof value === 'string' ? `got '${value}'` : `got ${value}`)
    expect(message).toMatch(/bytes.*'512M'.*'1\.5G'.*'25%'/)
  })

  test('is a share of more than all', () => {
    const { code, message } = refusalOf({ memoryMax: '101%' })
    expect(code).toBe('CORRAL_INVALID_LIMIT')
    expect(message).toContain("'101%'")
    expect(message).toContain("at most '100%'")
  })

  test.each([
    ['an object', {}],
    ['an object without a prototype', Object.create(null)],
    ['an array', []],
    ['an array of one', ['1G']],
  ])('is %s, and is called so', (_, value) => {
    const { code, message } = refusalOf({ memoryMax: value })
    expect(code).toBe('CORRAL_INVALID_LIMIT')
    expect(message).toMatch(/object|array|\[|\{/)
    expect(message).toMatch(/bytes.*'512M'.*'1\.5G'.*'25%'/)
  })
})

describe('limits', () => {
  test('go over the defaults name by name', () => {
    expect(parseLimits({ pidsMax: 10 }, { memoryMax: 4096, pidsMax: 5 })).toEqual({
      memoryMax: 4096,
      pidsMax: 10,
    })
  })

  test('that are null lift a default', () => {
    expect(parseLimits({ memoryMax: null }, { memoryMax: 4096, pidsMax: 5 })).toEqual({ pidsMax: 5 })
  })

  test('that are undefined keep a default', () => {
    const defaults = { memoryMax: 4096 }
    expect(parseLimits({ memoryMax: undefined }, defaults)).toEqual(defaults)
    expect(parseLimits(undefined, defaults)).toEqual(defaults)
  })

  test('leave the defaults that they go over as they are', () => {
    const defaults = { memoryMax: 4096, pidsMax: 5 }
    parseLimits({ memoryMax: null, pidsMax: 10 }, defaults)
    expect(defaults).toEqual({ memoryMax: 4096, pidsMax: 5 })
  })

  test.each(['memory', 'memorymax', 'toString', '__proto__'])(
    'have no %s, and the refusal lists the names',
    (name) => {
      const { code, message } = refusalOf(JSON.parse(`{ "${name}": 1 }`))
      expect(code).toBe('CORRAL_INVALID_LIMIT')
      expect(message).toContain(`Unknown limit ${name}`)
      for (const known of LIMIT_NAMES) expect(message).toContain(known)
    },
  )

  test.each([
    ['null', null],
    ['a boolean', true],
    ['a number', 512],
    ['a size', '512M'],
    ['an array', []],
    ['a Map', new Map()],
  ])('are an object of names, not %s', (_, limits) => {
    expect(refusalOf(limits).code).toBe('CORRAL_INVALID_LIMIT')
  })

  test('do not throttle a session later than they kill it', () => {
    const { code, message } = refusalOf({ memoryHigh: '2G', memoryMax: '1G' })
    expect(code).toBe('CORRAL_INVALID_LIMIT')
    expect(message).toContain(`memoryHigh (${2 ** 31})`)
    expect(message).toContain(`memoryMax (${2 ** 30})`)
    expect(refusalOf({ memoryHigh: '2G' }, { memoryMax: 2 ** 30 }).code).toBe('CORRAL_INVALID_LIMIT')
    expect(parseLimits({ memoryHigh: '1G', memoryMax: '1G' })).toEqual({
      memoryHigh: 2 ** 30,
      memoryMax: 2 ** 30,
    })
  })
})
