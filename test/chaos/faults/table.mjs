// The table of docs/errors.md from the results of `npm run test:faults`, put there.   table.mjs RESULTS.json
import { readFileSync, writeFileSync } from 'node:fs'

const PAGE = new URL('../../../docs/errors.md', import.meta.url)
const [BEGIN, END] = ['<!-- npm run test:faults -- --write -->', '<!-- end -->']
const HEADING = ['operation', 'calls that failed', 'times', 'of these, the operation failed']

/** What each operation's test has noted. */
function talliesOf(file) {
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'))
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.flatMap(({ meta }) => meta?.faults ?? []),
  )
}

function tableOf(tallies) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rows = tallies.map(({ operation, calls, attempts, failed }) => [operation, calls, attempts, failed])
  const sum = [1, 2, 3].map((column) => rows.reduce((all, row) => all + row[column], 0))
  return [HEADING, HEADING.map(() => '---'), ...rows, ['all', ...sum]].map(line).join('\n')
}

const page = readFileSync(PAGE, 'utf8')
const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)]
writeFileSync(PAGE, `${page.slice(0, from)}\n${tableOf(talliesOf(process.argv[2]))}\n${page.slice(to)}`)
