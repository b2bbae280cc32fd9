// Which texts can be a session key.
import { describe, expect, test } from 'vitest'
import { InvalidKeyError } from '../../src/common/errors.js'
import { MAX_KEY_BYTES, parseKey } from '../../src/session/key.js'

function refusalOf(key: unknown): InvalidKeyError {
  try {
    parseKey(key, 'parentKey')
  } catch (error) {
    if (error instanceof InvalidKeyError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('a session key', () => {
  test.each([
    ['one byte', 'k'],
    ['4,096 bytes', 'k'.repeat(4096)],
    ['4,096 bytes of 2,048 letters', 'é'.repeat(2048)],
    ['a whole surrogate pair', '🐎'],
    ['a blank', ' '],
    ['a NUL', '\0'],
    ['a newline', 'a\nb'],
    ['the way up', '..'],
    ['a path', '/etc/passwd'],
  ])('can be %s', (_, key) => {
    expect(parseKey(key, 'key')).toBe(key)
  })

  test('has at least one byte', () => {
    expect(refusalOf('')).toMatchObject({
      code: 'CORRAL_INVALID_KEY',
      message: expect.stringMatching(/Invalid parentKey: expected 1 to 4096 bytes .*empty/),
    })
  })

  test('is measured in bytes, not in letters', () => {
    const { code, message } = refusalOf('é'.repeat(2049))
    expect(code).toBe('CORRAL_INVALID_KEY')
    expect(message).toContain('got 4098 bytes')
    expect(message).toContain(String(MAX_KEY_BYTES))
    expect(refusalOf('k'.repeat(4097)).message).toContain('4097 bytes')
  })

  test.each([
    ['a high surrogate alone', 'a\ud83d'],
    ['a low surrogate alone', '\udc0eb'],
    ['a pair the wrong way round', '\udc0e\ud83d'],
  ])('has no %s', (_, key) => {
    expect(refusalOf(key)).toMatchObject({
      code: 'CORRAL_INVALID_KEY',
      message: expect.stringContaining('surrogate'),
    })
  })

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, 'number'],
    [['a'], 'object'],
    [Buffer.from('a'), 'object'],
    [Symbol('a'), 'symbol'],
  ])('is a string, not %o', (value, called) => {
    expect(refusalOf(value)).toMatchObject({
      code: 'CORRAL_INVALID_KEY',
      message: `Invalid parentKey: expected a string, got ${called}`,
    })
  })
})
