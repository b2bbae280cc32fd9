// The lists of test/skips: for each thing that a host may lack, why tests need it, what would run them, and which they are, by backend and
// file. A test that is skipped has to be on the list of something that this host lacks; one that is on such a list and
// runs is named, so that the list can be made shorter. A kind of host (kinds.json) is known by what it lacks.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const DIRECTORY = fileURLToPath(new URL('../skips/', import.meta.url))
const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url))
const KINDS = 'kinds.json'

/** All the tests of a file. */
const ALL = 'all'

/**
 * @typedef {object} Test
 * @property {string} backend
 * @property {string} file from the checkout
 * @property {string} name
 * @property {'passed' | 'failed' | 'skipped'} state
 *
 * @typedef {object} List
 * @property {string} why
 * @property {string} runs what would run the tests
 * @property {Record<string, Record<string, string[] | 'all'>>} tests by backend and file
 *
 * @typedef {object} Verdict
 * @property {{ lack: string, why: string, runs: string, count: number }[]} groups of what was skipped
 * @property {Test[]} unlisted what was skipped and is on no list
 * @property {string[]} spare what is on a list and was not skipped, or is no more
 */

const read = (name) => JSON.parse(readFileSync(path.join(DIRECTORY, name), 'utf8'))

/** @returns {Record<string, List>} by what is lacking */
export function lists() {
  const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.json') && file !== KINDS)
  return Object.fromEntries(files.map((file) => [path.basename(file, '.json'), read(file)]))
}

/**
 * The name of the kind of host that lacks these things and no others; undefined: none that has a name. Programs that can be installed do not
 * make a kind.
 *
 * @param {readonly string[]} lacks
 * @returns {string | undefined}
 */
export function kindOf(lacks) {
  const all = lists()
  const ofHost = lacks.filter((lack) => !all[lack]?.runs.startsWith('apt-get '))
  const same = (kind) => kind.length === ofHost.length && kind.every((lack) => ofHost.includes(lack))
  return Object.entries(read(KINDS)).find(([, { lacks: kind }]) => same(kind))?.[0]
}

/** Whether an entry of a list is that name: an asterisk in it stands for any text, as where names tell what a rotation has chosen. */
function isMeant(entry, name) {
  const parts = entry.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(name)
}

const isListed = ({ tests }, { backend, file, name }) => {
  const names = tests[backend]?.[file]
  return names === ALL || names?.some((entry) => isMeant(entry, name)) === true
}

/**
 * @param {readonly Test[]} tests of all files of a run, whole files
 * @param {readonly string[]} lacks
 * @returns {Verdict}
 */
export function judge(tests, lacks) {
  const all = Object.entries(lists()).filter(([lack]) => lacks.includes(lack))
  const groups = all.map(([lack, { why, runs }]) => ({ lack, why, runs, count: 0 }))
  const unlisted = []
  for (const test of tests.filter(({ state }) => state === 'skipped')) {
    const at = all.findIndex(([, list]) => isListed(list, test))
    if (at < 0) unlisted.push(test)
    else groups[at].count++
  }
  return { groups: groups.filter(({ count }) => count > 0), unlisted, spare: spareIn(all, tests) }
}

function spareIn(all, tests) {
  const files = new Set(tests.map(({ backend, file }) => `${backend} ${file}`))
  const spare = []
  for (const [lack, list] of all)
    for (const [backend, byFile] of Object.entries(list.tests))
      for (const [file, names] of Object.entries(byFile)) {
        const say = (what) => spare.push(`${lack}.json: ${backend} ${file}${what}`)
        if (!existsSync(path.join(CHECKOUT, file))) say(' is no more')
        if (!files.has(`${backend} ${file}`)) continue
        if (names === ALL) {
          const some = tests.filter((test) => test.backend === backend && test.file === file)
          if (some.every(({ state }) => state !== 'skipped')) say(' was not skipped')
        } else
          for (const entry of names) {
            const meant = tests.filter(
              (test) => test.backend === backend && test.file === file && isMeant(entry, test.name),
            )
            if (meant.length === 0) say(`: ${entry} is no more`)
            else if (meant.every(({ state }) => state !== 'skipped')) say(`: ${entry} was not skipped`)
          }
      }
  return spare
}

/**
 * Puts what is on no list on that of `lack`: the whole file where all of its tests were skipped.
 *
 * @param {string} lack
 * @param {readonly Test[]} unlisted
 * @param {readonly Test[]} tests
 */
export function enlist(lack, unlisted, tests) {
  const list = read(`${lack}.json`)
  for (const { backend, file, name } of unlisted) {
    list.tests[backend] ??= {}
    const byFile = list.tests[backend]
    if (byFile[file] !== ALL) byFile[file] = [...(byFile[file] ?? []), name]
  }
  for (const [backend, byFile] of Object.entries(list.tests)) {
    for (const file of Object.keys(byFile)) {
      const some = tests.filter((test) => test.backend === backend && test.file === file)
      if (some.length > 0 && some.every((test) => test.state === 'skipped' && isListed(list, test)))
        byFile[file] = ALL
      else if (byFile[file] !== ALL) byFile[file] = [...new Set(byFile[file])].sort()
    }
    list.tests[backend] = sorted(byFile)
  }
  list.tests = sorted(list.tests)
  writeFileSync(path.join(DIRECTORY, `${lack}.json`), `${JSON.stringify(list, null, 2)}\n`)
}

const sorted = (record) => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
