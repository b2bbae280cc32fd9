// The code of docs/recipes.md is that of docs/recipes/, which the other tests here run.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const docs = new URL('../../../docs/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, docs), 'utf8')

test('docs/recipes.md shows each recipe as it is, and no other code', () => {
  const shown = [...read('recipes.md').matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code)
  const tested = readdirSync(new URL('recipes/', docs)).map((name) => read(`recipes/${name}`))
  expect(shown.toSorted()).toEqual(tested.toSorted())
})
