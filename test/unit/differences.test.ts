// The table of what the backends promise differently stands in the docs as the tests have it, and each row of it is tried.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { DIFFERENCES, differencesTable } from '../support/differences.js'

const FOLDERS = '..'
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

test('docs/sessions.md has the table', () => {
  expect(readFileSync(file('../../docs/sessions.md'), 'utf8')).toContain(differencesTable())
})

test.for(Object.keys(DIFFERENCES))('%s is tried', (row) => {
  const tests = readdirSync(file(FOLDERS), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  )
  const trying = tests.filter((name) =>
    readFileSync(join(file(FOLDERS), name), 'utf8').includes(`differs('${row}'`),
  )
  expect(trying).not.toEqual([])
})
