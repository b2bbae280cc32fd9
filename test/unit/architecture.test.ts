// docs/architecture.md names files, which move.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(path.join(CHECKOUT, 'docs/architecture.md'), 'utf8')

/** Whole paths; a name alone is one of the folder that its row is about. */
const named = [...page.matchAll(/`((?:src|native|test|bench|pack)\/[\w./-]+)`/g)].map(([, file = '']) => file)

test('each file that the page names is there', () => {
  expect(named.length).toBeGreaterThan(40)
  expect(named.filter((file) => !existsSync(path.join(CHECKOUT, file)))).toEqual([])
})

test.each(['src/backend/backend.ts'])(
  'a contract in %s has at most 12 members, none of them optional',
  (file) => {
    const contracts = [
      ...readFileSync(path.join(CHECKOUT, file), 'utf8').matchAll(
        /^export interface (Backend|Family|Group) \{\n(.*?)^\}/gms,
      ),
    ]
    expect(contracts.map(([, name]) => name)).toEqual(['Backend', 'Family', 'Group'])
    for (const [, name = '', body = ''] of contracts) {
      const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)(\??)[:(]/gm)]
      expect(members.length, name).toBeGreaterThan(2)
      expect(members.length, name).toBeLessThanOrEqual(12)
      expect(members.filter(([, , optional]) => optional !== '')).toEqual([])
    }
  },
)
