// The table of docs/hosts.md from the results of `npm run test:hosts`: fails where the page says something else, or with
// --write puts it there.   table.mjs [--write] RESULTS.json…
import { readFileSync, writeFileSync } from 'node:fs'

const PAGE = new URL('../../docs/hosts.md', import.meta.url)
const [BEGIN, END] = ['<!-- npm run test:hosts -- --write -->', '<!-- end -->']
const COLUMNS = [
  ['root', 'Corral builds in'],
  ['cap', 'a memory cap is held by'],
  ['hog', 'a hog at 64 MiB ends with'],
  ['killed', 'the gateway is killed'],
  ['stopped', 'its unit is stopped, or its login ended'],
]
// As a reader of the page knows them
const ROOTS = {
  'own-cgroup': 'its own cgroup (2)',
  mount: 'the top of the hierarchy (3)',
  systemd: "the user's `corral.scope` (4)",
  none: 'nothing: a subreaper holds sessions',
}

/** All that tests have noted, by place and version. */
function notesOf(files) {
  return files.flatMap((file) =>
    JSON.parse(readFileSync(file, 'utf8')).testResults.flatMap(({ assertionResults }) =>
      assertionResults.map(({ meta }) => meta).filter(({ place } = {}) => place !== undefined),
    ),
  )
}

/** One row for a place, with the versions that agree on it. */
function rowsOf(notes) {
  const shown = new Map()
  for (const { place, systemd, shown: part } of notes) {
    const key = JSON.stringify([place, systemd])
    shown.set(key, { ...shown.get(key), ...part })
  }
  const rows = new Map()
  for (const [key, found] of shown) {
    const [place, systemd] = JSON.parse(key)
    const cells = COLUMNS.map(([name]) => (name === 'root' ? ROOTS[found.root] : found[name]))
    const missing = COLUMNS.filter((_, index) => cells[index] === undefined).map(([name]) => name)
    if (missing.length > 0)
      throw new Error(`${place}, systemd ${systemd}: nothing noted of ${missing.join(', ')}`)
    const row = JSON.stringify([place, ...cells])
    rows.set(row, [...(rows.get(row) ?? []), systemd])
  }
  return [...rows].map(([row, versions]) => {
    const [place, ...cells] = JSON.parse(row)
    return [place, versions.sort().join(', '), ...cells]
  })
}

function tableOf(rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const heading = ['the gateway is', 'systemd', ...COLUMNS.map(([, title]) => title)]
  const sorted = rows.toSorted(([one], [other]) => one.localeCompare(other, 'en'))
  return [line(heading), line(heading.map(() => '---')), ...sorted.map(line)].join('\n')
}

const write = process.argv.includes('--write')
const table = tableOf(rowsOf(notesOf(process.argv.slice(2).filter((word) => word !== '--write'))))
const page = readFileSync(PAGE, 'utf8')
const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)]
const said = page.slice(from, to).trim()
if (write) {
  writeFileSync(PAGE, `${page.slice(0, from)}\n${table}\n${page.slice(to)}`)
} else if (said !== table) {
  console.error(`docs/hosts.md says something else than what was found:\n\n${table}\n`)
  console.error('`npm run test:hosts -- --write` puts that there')
  process.exitCode = 1
}
