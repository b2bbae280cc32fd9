// The frame of every bench: its options, its pen, the facts of the machine, its claims and its exit status.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Claims } from './claims.mjs'
import { machineFacts } from './machine.mjs'
import { withPen } from './pen.mjs'
import { summarizeEach } from './statistics.mjs'
import { formatTable } from './table.mjs'

const USAGE = `
  --rounds N     measured rounds, instead of the bench's own number
  --json FILE    write machine, figures and claims to FILE: of samples, median and percentiles
  --check        exit with status 1 when a claim is missed
  --parent DIR   a writable cgroup2 directory to work under (default: the cgroup2 mount)
`

/**
 * Runs `measure({ pen, claims, rounds, record, keep })`. `record(title, unit, samples)` takes name → samples,
 * prints them as a table and keeps that for --json; `keep(title, value)` only keeps; `rounds(n)` is n unless
 * the command line says otherwise. `more` are options of this bench's own, name → what its text says, which measure()
 * gets by their names.
 */
export async function runBench(name, measure, more = {}) {
  const options = readOptions(name, more)
  const machine = machineFacts()
  for (const [fact, value] of Object.entries(machine)) console.log(`${fact}: ${value}`)

  const claims = new Claims()
  const tables = []
  const record = (title, unit, samples) => {
    tables.push({ title, unit, subjects: summarizeEach(samples) })
    printTable(tables.at(-1))
  }
  const figures = {}
  const keep = (title, value) => {
    figures[title] = value
  }
  const rounds = (usual) => options.rounds ?? usual

  await withPen(name, options.parent, (pen) => measure({ ...options, pen, claims, rounds, record, keep }))

  if (options.json) {
    const result = { bench: name, machine, tables, figures, claims: claims.list }
    writeFileSync(options.json, `${JSON.stringify(result, rounded, 1)}\n`)
  }
  console.log(`\n${claims.list.length} claims, ${claims.missed} missed`)
  if (options.check && claims.missed > 0) process.exitCode = 1
}

function printTable({ title, unit, subjects }) {
  const rows = Object.entries(subjects).map(([subject, { count, median, p5, p95 }]) => [
    subject,
    count,
    median,
    p5,
    p95,
  ])
  console.log(`\n${title} (${unit})\n${formatTable(['', 'samples', 'median', 'p5', 'p95'], rows)}`)
}

// What is beyond is noise, and would make each run a change of each line.
function rounded(_key, value) {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}

function readOptions(name, more) {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        json: { type: 'string' },
        check: { type: 'boolean', default: false },
        parent: { type: 'string' },
        ...Object.fromEntries(Object.keys(more).map((option) => [option, { type: 'string' }])),
      },
    })
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
      throw new Error('--rounds takes a whole number above 0')
    }
    return { ...values, rounds }
  } catch (error) {
    const own = Object.entries(more).map(([option, text]) => `  --${option} ${text}\n`)
    console.error(`${error.message}\nusage: node bench/${name}.mjs [options]${USAGE}${own.join('')}`)
    process.exit(2)
  }
}
