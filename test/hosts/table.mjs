// What is in docs/hosts.md and docs/hosts-doctor.md of the results of `npm run test:hosts` or test:containers: fails where a page says
// something else, or with --write puts it there.   table.mjs hosts|containers [--write] RESULTS.json…
import { readFileSync, writeFileSync } from 'node:fs'
import { normal } from './normal.mjs'

const TABLES = {
  hosts: {
    heading: ['the gateway is', 'systemd'],
    /** With the versions that agree. */
    row: (name, versions) => [name, versions.join(', ')],
    columns: {
      root: 'Corral builds in',
      cap: 'a memory cap is held by',
      hog: 'a hog at 64 MiB ends with',
      killed: 'the gateway is killed',
      stopped: 'its unit is stopped, or its login ended',
    },
  },
  containers: {
    heading: [''],
    row: (name) => [`\`${name}\``],
    columns: {
      root: 'Corral builds in',
      cap: 'a memory cap is held by',
      hog: 'a hog at 64 MiB ends with',
      killed: 'the gateway is killed',
      closed: 'the gateway closes',
      behaviour: 'the behaviour tests, in there',
    },
  },
}
// As a reader of the page knows them
const ROOTS = {
  'own-cgroup': 'its own cgroup (2)',
  mount: 'the top of the hierarchy (3)',
  systemd: "the user's `corral.scope` (4)",
  none: 'nothing: a subreaper holds sessions',
}

/** What the tests have noted, together, by row and version. */
function placesOf(files) {
  const places = new Map()
  const metas = files
    .flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).testResults)
    .flatMap(({ assertionResults }) => assertionResults.map(({ meta }) => meta))
  for (const { row, systemd, shown, doctor } of metas.filter((meta) => meta?.row !== undefined)) {
    const key = `${row}\n${systemd}`
    const before = places.get(key)
    places.set(key, {
      row,
      systemd,
      shown: { ...before?.shown, ...shown },
      doctor: doctor ?? before?.doctor,
    })
  }
  return [...places.values()].toSorted(
    (one, other) =>
      one.row.localeCompare(other.row, 'en') || Number(one.systemd ?? 0) - Number(other.systemd ?? 0),
  )
}

/** Whether the page says of a row that once all behaviour tests were run in it. */
function onceAll(row) {
  const lines = readFileSync(new URL('../../docs/hosts.md', import.meta.url), 'utf8').split('\n')
  return lines.some((line) => line.startsWith(`| \`${row}\` |`) && line.endsWith(' all pass |'))
}

function cellOf(column, row, shown) {
  if (column === 'root') return ROOTS[shown.root]
  if (column === 'behaviour' && shown.behaviour && onceAll(row)) return 'all pass'
  return shown[column]
}

function cellsOf({ columns }, { row, systemd, shown }) {
  return Object.entries(columns).map(([name, title]) => {
    const cell = cellOf(name, row, shown)
    if (cell === undefined) throw new Error(`${row}, systemd ${systemd}: nothing noted of “${title}”`)
    return cell
  })
}

/** Those that have the same text are one: [name, text, versions][]. */
function agreeing(places, textOf) {
  const found = new Map()
  for (const place of places) {
    const key = JSON.stringify([place.row, textOf(place)])
    found.set(key, [...(found.get(key) ?? []), place.systemd])
  }
  return [...found].map(([key, versions]) => [...JSON.parse(key), versions])
}

function tableOf(spec, places) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const heading = [...spec.heading, ...Object.values(spec.columns)]
  const rows = agreeing(places, (place) => cellsOf(spec, place))
  const lines = rows.map(([name, cells, versions]) => [...spec.row(name, versions), ...cells])
  return [heading, heading.map(() => '---'), ...lines].map(line).join('\n')
}

/** Collapsed, or the page would be ten screens long. */
function doctorsOf(spec, places) {
  const textOf = ({ row, systemd, doctor }) => {
    if (doctor === undefined)
      throw new Error(`${row}, systemd ${systemd}: nothing noted of what the doctor says`)
    return normal(doctor)
  }
  return agreeing(places, textOf)
    .map(([name, text, versions]) => {
      const [title, version] = spec.row(name, versions)
      const summary = `${title.replace(/^`(.*)`$/, '<code>$1</code>')}${version ? ` (systemd ${version})` : ''}`
      return `<details><summary>${summary}</summary>\n\n\`\`\`\n${text}\n\`\`\`\n\n</details>`
    })
    .join('\n\n')
}

/** Whether the page says so, between its two marks; with `write` it does afterwards. */
function isOn(page, text, { name, write }) {
  const file = new URL(`../../docs/${page}`, import.meta.url)
  const whole = readFileSync(file, 'utf8')
  const [begin, end] = [`<!-- npm run test:${name} -- --write -->`, `<!-- end of ${name} -->`]
  const [from, to] = [whole.indexOf(begin) + begin.length, whole.indexOf(end)]
  if (whole.slice(from, to).trim() === text) return true
  if (write) writeFileSync(file, `${whole.slice(0, from)}\n${text}\n${whole.slice(to)}`)
  else console.error(`docs/${page} says something else than what was found:\n\n${text}\n`)
  return write
}

const [name, ...words] = process.argv.slice(2)
const spec = TABLES[name]
const write = words.includes('--write')
const places = placesOf(words.filter((word) => word !== '--write'))
const pages = { 'hosts.md': tableOf(spec, places), 'hosts-doctor.md': doctorsOf(spec, places) }
const right = Object.entries(pages).map(([page, text]) => isOn(page, text, { name, write }))
if (right.includes(false)) {
  console.error(`\`npm run test:${name} -- --write\` puts that there`)
  process.exitCode = 1
}
