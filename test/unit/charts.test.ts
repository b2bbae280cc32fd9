// What is drawn and written from the figures in bench/results is what is in docs.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { expect, test } from 'vitest'
import { chartFile, charts, ESCAPE_PAGE } from '../../bench/charts.mjs'
import { escapePage } from '../../bench/escape-page.mjs'
import { readEscape } from '../../bench/results.mjs'

const names = Object.keys(charts) as (keyof typeof charts)[]
const HOW = 'run `npm run bench:charts`'

test.for(names)('the chart of %s shows the figures that are kept', (name) => {
  const drawn = charts[name]()
  expect(readFileSync(chartFile(name), 'utf8') === drawn, HOW).toBe(true)
  // A figure that is not there would be drawn as a path of NaN, or not at all
  expect(drawn).not.toMatch(/NaN|Infinity|undefined/)
  expect(drawn.match(/<(circle|rect) /g)?.length).toBeGreaterThan(5)
})

test('docs/charts has these and no others', () => {
  const files = names.map((name) => basename(chartFile(name)))
  expect(readdirSync(dirname(chartFile('spawn'))).sort()).toEqual(files.sort())
})

test('docs/escape.md shows the figures that are kept', () => {
  expect(readFileSync(ESCAPE_PAGE, 'utf8') === escapePage(readEscape()), HOW).toBe(true)
})
