// The figures that are kept in the repository: bench/results/NAME.json, as written by --json.

import { readFileSync } from 'node:fs'

export const RESULTS = new URL('results/', import.meta.url).pathname

export function readResult(name) {
  return JSON.parse(readFileSync(`${RESULTS}${name}.json`, 'utf8'))
}

/**
 * The rows of the tables whose titles are `N WORDS…: TITLE` and that end so, as { n, subject, unit, median, p5, p95 },
 * in their order. @throws where there are none: a title was changed, and not here.
 */
export function pointsOf({ bench, tables }, title) {
  const chosen = tables.filter((table) => table.title.endsWith(`: ${title}`))
  if (chosen.length === 0) throw new Error(`${bench}.json has no tables of '${title}'`)
  return chosen.flatMap(({ title: whole, subjects }) => rowsOf(whole, subjects))
}

/** The same of figures that were kept by titles that begin with a number. */
export function pointsOfFigures({ figures }) {
  return Object.entries(figures).flatMap(([title, subjects]) => rowsOf(title, subjects))
}

function rowsOf(title, subjects) {
  return Object.entries(subjects).map(([subject, summary]) => ({
    n: Number.parseInt(title, 10),
    subject,
    ...summary,
  }))
}

// Ways that were measured by themselves: in a guest of test/vm, or where what they need was installed.
const BESIDE = ['escape-systemd', 'escape-acpx']

/** Who outlives what; ways that were measured by themselves stand beside the others, in a guest with its kernel as `guest`. */
export function readEscape() {
  const result = readResult('escape')
  const { ways, missing, ...situations } = result.figures
  for (const other of BESIDE.map(readResult)) {
    const guest = other.machine.kernel === result.machine.kernel ? undefined : other.machine.kernel
    for (const way of other.figures.ways.filter(({ name }) => ways.every((known) => known.name !== name))) {
      ways.push({ ...way, guest })
      delete missing[way.name]
      for (const [situation, cells] of Object.entries(situations))
        for (const [program, row] of Object.entries(cells))
          row[way.name] = other.figures[situation][program]?.[way.name] ?? { obstacle: 'it was not tried' }
    }
  }
  return result
}
