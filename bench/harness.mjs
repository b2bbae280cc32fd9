// The frame of every bench: its options, its pen, the facts of the machine, its claims and its exit status.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Claims } from './claims.mjs'
import { machineFacts } from './machine.mjs'
import { withPen } from './pen.mjs'
import { summarize } from './statistics.mjs'
import { formatTable } from './table.mjs'

const USAGE = `
  --rounds N     measured rounds, instead of the bench's own number
  --json FILE    write machine, samples and claims to FILE
  --check        exit with status 1 when a claim is missed
  --parent DIR   a writable cgroup2 directory to work under (default: the cgroup2 mount)
`
const PAGE_USAGE = `  --markdown FILE  write the result as a page to FILE
`

/**
 * Runs `measure({ pen, claims, rounds, record, keep })`. `record(title, unit, samples)` takes name → samples,
 * prints them as a table and keeps them for --json; `keep(title, value)` only keeps; `rounds(n)` is n unless
 * the command line says otherwise. With `page({ machine, figures })`, the text of a page, there is --markdown.
 */
export async function runBench(name, measure, { page } = {}) {
  const options = readOptions(name, page !== undefined)
  const machine = machineFacts()
  for (const [fact, value] of Object.entries(machine)) console.log(`${fact}: ${value}`)

  const claims = new Claims()
  const tables = []
  const record = (title, unit, samples) => {
    tables.push({ title, unit, samples })
    printSamples(title, unit, samples)
  }
  const figures = {}
  const keep = (title, value) => {
    figures[title] = value
  }
  const rounds = (usual) => options.rounds ?? usual

  await withPen(name, options.parent, (pen) => measure({ pen, claims, rounds, record, keep }))

  if (options.json) {
    const result = { bench: name, machine, tables, figures, claims: claims.list }
    writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
  }
  if (options.markdown) writeFileSync(options.markdown, page({ machine, figures }))
  console.log(`\n${claims.list.length} claims, ${claims.missed} missed`)
  if (options.check && claims.missed > 0) process.exitCode = 1
}

function printSamples(title, unit, samples) {
  const rows = Object.entries(samples).map(([subject, values]) => {
    const { count, median, p5, p95 } = summarize(values)
    return [subject, count, median, p5, p95]
  })
  console.log(`\n${title} (${unit})\n${formatTable(['', 'samples', 'median', 'p5', 'p95'], rows)}`)
}

function readOptions(name, hasPage) {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        json: { type: 'string' },
        check: { type: 'boolean', default: false },
        parent: { type: 'string' },
        ...(hasPage && { markdown: { type: 'string' } }),
      },
    })
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
      throw new Error('--rounds takes a whole number above 0')
    }
    return { ...values, rounds }
  } catch (error) {
    console.error(
      `${error.message}\nusage: node bench/${name}.mjs [options]${USAGE}${hasPage ? PAGE_USAGE : ''}`,
    )
    process.exit(2)
  }
}
