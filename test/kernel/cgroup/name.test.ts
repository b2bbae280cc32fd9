// Keys as directory names: any key has a name that is safe, its own, and tells the key again.
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect } from 'vitest'
import { keyOfName, labelOfKey, nameOfKey } from '../../../src/backend/cgroup/name.js'
import { test } from '../../support/pen-test.js'
import { hostileKeys, longKeys } from './hostile-keys.js'
import { randomKeys } from './random-keys.js'

const noLabel = () => undefined

const isDigest = (name: string) => /^=[0-9a-f]{64}$/.test(name)

/** The key told by its directory: by the name, and by the label where there is one. */
const keyBack = (key: string) => keyOfName(nameOfKey(key), () => labelOfKey(key, nameOfKey(key)))

function expectSafe(name: string) {
  expect(name).not.toBe('')
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
  expect(name).not.toMatch(/[/.:\0\n]/)
}

describe('the name of a key', () => {
  test('is the key where nothing in it is special', () => {
    expect(nameOfKey('agent_7+a@b-c,D')).toBe('agent_7+a@b-c,D')
  })

  test('has every other byte as %XX', () => {
    expect(nameOfKey('a/b.c')).toBe('a%2Fb%2Ec')
    expect(nameOfKey('é=\n')).toBe('%C3%A9%3D%0A')
    expect(nameOfKey('agent:main')).toBe('agent%3Amain')
  })

  test.each(Object.entries(hostileKeys))('is safe and tells the key again: %s', (_, key) => {
    const name = nameOfKey(key)
    expectSafe(name)
    expect(isDigest(name)).toBe(false)
    expect(labelOfKey(key, name)).toBeUndefined()
    expect(keyOfName(name, noLabel)).toBe(key)
  })

  test.each(Object.entries(longKeys))('is a digest where the key is too long: %s', (_, key) => {
    const name = nameOfKey(key)
    expectSafe(name)
    expect(name).toBe(`=${createHash('sha256').update(key).digest('hex')}`)
    // The label passes through C, where a NUL would end it
    expect(labelOfKey(key, name)).toMatch(/^[\x21-\x7e]+$/)
    expect(keyBack(key)).toBe(key)
  })

  test('becomes a digest only where it would be longer than a file name can be', () => {
    expect(nameOfKey('k'.repeat(255))).toBe('k'.repeat(255))
    expect(isDigest(nameOfKey('k'.repeat(256)))).toBe(true)
    expect(nameOfKey('/'.repeat(85))).toBe('%2F'.repeat(85))
    expect(isDigest(nameOfKey('/'.repeat(86)))).toBe(true)
  })

  test('is that of no other key, also where one key spells the name of another', () => {
    const spelt = Object.values({ ...hostileKeys, ...longKeys }).flatMap((key) => [key, nameOfKey(key)])
    const keys = [...new Set(spelt)]
    expect(new Set(keys.map(nameOfKey)).size).toBe(keys.length)
  })

  test('is never that of a file which the kernel has in a cgroup directory', ({ pen }) => {
    const files = [pen.path, dirname(pen.path)]
      .flatMap((directory) => readdirSync(directory, { withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
    expect(files).toContain('cgroup.procs')
    const ofV1 = ['tasks', 'notify_on_release', 'release_agent', 'cgroup.clone_children', 'cpuset.cpus']
    const taken = new Set([...files, ...ofV1, 'agent'])
    for (const key of taken) {
      expect(taken).not.toContain(nameOfKey(key))
      expect(keyOfName(nameOfKey(key), noLabel)).toBe(key)
    }
  })
})

describe('the names of some thousand random keys', () => {
  const keys = randomKeys(4000)

  test('are safe and tell the keys again', () => {
    for (const key of keys) {
      const name = nameOfKey(key)
      if (!/^(?:[A-Za-z0-9_@+,-]|%[0-9A-F]{2}){1,255}$/.test(name)) expect(name).toMatch(/^=[0-9a-f]{64}$/)
      expectSafe(name)
      expect(keyBack(key)).toBe(key)
    }
  })

  test('are all different', () => {
    expect(keys.length).toBeGreaterThan(3500)
    expect(new Set(keys.map(nameOfKey)).size).toBe(keys.length)
  })

  test('are of both forms', () => {
    const digests = keys.filter((key) => isDigest(nameOfKey(key)))
    expect(digests.length).toBeGreaterThan(100)
    expect(keys.length - digests.length).toBeGreaterThan(1000)
  })
})

describe('a name that is not one of ours', () => {
  test.each([
    '',
    '.',
    '..',
    'a.b',
    'a b',
    'a:b',
    'cgroup.procs',
    'agent',
    'tasks',
    'release_agent',
    '%',
    '%4',
    '%zz',
    '%2f',
    '%41',
    '%FF',
    '%C3',
    '%ED%A0%80',
    'é',
    'k'.repeat(256),
  ])('has no key: %o', (name) => {
    expect(keyOfName(name, noLabel)).toBeUndefined()
    expect(keyOfName(name, () => name)).toBeUndefined()
  })

  test('is a digest whose label is missing or tells another key', () => {
    const [first, second] = ['a'.repeat(4096), `${'a'.repeat(4095)}b`]
    const name = nameOfKey(first)
    expect(keyOfName(name, () => labelOfKey(first, name))).toBe(first)
    expect(keyOfName(name, noLabel)).toBeUndefined()
    expect(keyOfName(name, () => second)).toBeUndefined()
    expect(keyOfName(name, () => first.slice(1))).toBeUndefined()
    for (const label of ['', '%', '..', 'a/b', '%zz', name])
      expect(keyOfName(name, () => label)).toBeUndefined()
    expect(keyOfName('=', () => '')).toBeUndefined()
    expect(keyOfName('=', () => first)).toBeUndefined()
  })

  test('is not asked for a label where the name itself tells the key', () => {
    const label = () => {
      throw new Error('it was asked')
    }
    expect(keyOfName('plain', label)).toBe('plain')
  })
})
