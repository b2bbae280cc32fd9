// The table of docs/escape.md of what was moved out of sessions, from what cells.mjs has told: shows it, or writes it. Fails
// where somebody outlived a session, and neither an error had named it nor a receipt told of it.
//   node table.mjs [--write] DIRECTORY/SUITE-WHO.jsonl…
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

const PAGE = fileURLToPath(new URL('../../../docs/escape.md', import.meta.url))
const [BEGIN, END] = ['<!-- moved: by npm run test:moved -- --write -->\n', '<!-- /moved -->\n']
const SUITES = { bookworm: 'Debian 12', trixie: 'Debian 13' }
const OUTCOMES = ['ended', 'named', 'told', '–']

const words = process.argv.slice(2)
const files = words.filter((word) => word !== '--write')
const cells = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => ({ suite: basename(file).split('-')[0], ...JSON.parse(line) })),
)
const unheld = cells.filter(({ outcome }) => !OUTCOMES.includes(outcome))
for (const cell of unheld) console.error(JSON.stringify(cell))

const unique = (name, of) => [...new Set(of.map((cell) => cell[name]))]
const rule = (names) => `| ${names.join(' | ')} |`

/** A row for each way to start the program; those that end alike share one. */
function rows(suite, endings) {
  const ofSuite = cells.filter((cell) => cell.suite === suite)
  return unique('program', ofSuite).flatMap((program) =>
    unique('gateway', ofSuite).flatMap((gateway) => {
      const of = ofSuite.filter((cell) => cell.program === program && cell.gateway === gateway)
      const ways = groupBy(unique('way', of), (way) => outcomes(of, way, endings))
      return [...ways].map(([ends, names]) => rule([program, gateway, names.join(', '), ends]))
    }),
  )
}

function groupBy(list, keyOf) {
  const groups = new Map()
  for (const one of list) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one])
  return groups
}

/** `stays`: nobody had moved it, so there was nothing to find. */
const wordOf = ({ outcome, moved }) => (outcome === 'ended' && moved === false ? 'stays' : outcome)

const outcomes = (of, way, endings) =>
  endings
    .map((ending) => of.find((cell) => cell.way === way && cell.ending === ending))
    .map((cell) => (cell ? wordOf(cell) : '?'))
    .join(' | ')

function table(suite) {
  const endings = unique('ending', cells)
  const head = ['what is moved', 'gateway', 'started by', ...endings]
  return [
    `### ${SUITES[suite]}`,
    '',
    rule(head),
    rule(head.map(() => '---')),
    ...rows(suite, endings),
    '',
  ].join('\n')
}

const made = `${BEGIN}${unique('suite', cells).map(table).join('\n')}${END}`
const page = readFileSync(PAGE, 'utf8')
const [at, until] = [page.indexOf(BEGIN), page.indexOf(END) + END.length]
if (at < 0 || until < at) throw new Error(`${PAGE} has no place for the table`)
if (unheld.length > 0) {
  console.error(`${unheld.length} of ${cells.length} outlived their session, and nobody had told of it`)
  process.exitCode = 1
} else if (words.includes('--write')) writeFileSync(PAGE, page.slice(0, at) + made + page.slice(until))
else console.log(made)
