// The table of containers in docs/hosts.md from the results of a run: fails where the page says something else, or with
// --write puts it there.   table.mjs [--write] RESULTS.json
import { readFileSync, writeFileSync } from 'node:fs'

const PAGE = new URL('../../../docs/hosts.md', import.meta.url)
const [BEGIN, END] = ['<!-- npm run test:containers -- --write -->', '<!-- end of containers -->']
const COLUMNS = {
  root: 'Corral builds in',
  cap: 'a memory cap is held by',
  hog: 'a hog at 64 MiB ends with',
  killed: 'the gateway is killed',
  closed: 'the gateway closes',
}
const ROOTS = { 'own-cgroup': 'its own cgroup (2)', none: 'nothing: a subreaper holds sessions' }

/** What the tests of each row have noted, together. */
function rowsOf({ testResults }) {
  const rows = new Map()
  for (const { meta } of testResults.flatMap(({ assertionResults }) => assertionResults))
    if (meta?.row !== undefined) rows.set(meta.row, { ...rows.get(meta.row), ...meta.shown })
  return [...rows].map(([row, { root, ...shown }]) => {
    const cells = Object.keys(COLUMNS).map((name) => (name === 'root' ? ROOTS[root] : shown[name]))
    if (cells.includes(undefined)) throw new Error(`${row}: not all was noted: ${JSON.stringify(cells)}`)
    return [`\`${row}\``, ...cells]
  })
}

const line = (cells) => `| ${cells.join(' | ')} |`
const words = process.argv.slice(2)
const [results] = words.filter((word) => word !== '--write')
const heading = ['', ...Object.values(COLUMNS)]
const rows = rowsOf(JSON.parse(readFileSync(results, 'utf8')))
const table = [heading, heading.map(() => '---'), ...rows].map(line).join('\n')

const page = readFileSync(PAGE, 'utf8')
const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)]
if (words.includes('--write')) {
  writeFileSync(PAGE, `${page.slice(0, from)}\n${table}\n${page.slice(to)}`)
} else if (page.slice(from, to).trim() !== table) {
  console.error(`docs/hosts.md says something else than what was found:\n\n${table}\n`)
  console.error('`npm run test:containers -- --write` puts that there')
  process.exitCode = 1
}
