// node pack/contents.mjs TARBALL: what is in the package, and what comes with it. Its files are those of contents.txt; every link of
// its pages leads to a file in it; all that it depends on, and what is bundled in it, has one of the licences below.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const LICENCES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']

const here = fileURLToPath(new URL('.', import.meta.url))
const [tarball] = process.argv.slice(2)
if (tarball === undefined) throw new Error('usage: node pack/contents.mjs TARBALL')

const faults = [...faultsOfPackage(), ...faultsOfDependencies()]
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exit(1)
console.log(
  'the package has the files of pack/contents.txt, its links lead to these, and the licences are known',
)

function faultsOfPackage() {
  const directory = mkdtempSync(path.join(tmpdir(), 'corral-contents-'))
  try {
    execFileSync('tar', ['-xzf', tarball, '-C', directory])
    const root = path.join(directory, 'package')
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    const pages = files.filter((file) => file.endsWith('.md'))
    return [
      ...faultsOfList(files),
      ...pages.flatMap((page) => faultsOfLinks(root, page)),
      ...faultsOfBundled(readFileSync(path.join(root, 'dist/cli/LICENCES.txt'), 'utf8')),
    ]
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function faultsOfList(files) {
  const patterns = readFileSync(path.join(here, 'contents.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const matches = patterns.map((pattern) => {
    const expression = pattern
      .replaceAll(/[.+]/g, '\\$&')
      .replaceAll(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(?:.*/)?'))
    return new RegExp(`^${expression}$`)
  })
  const unknown = files.filter((file) => !matches.some((one) => one.test(file)))
  const missing = patterns.filter((_, index) => !files.some((file) => matches[index].test(file)))
  return [
    ...unknown.map((file) => `${file} is in the package, and not in pack/contents.txt`),
    ...missing.map((pattern) => `${pattern} is in pack/contents.txt, and not in the package`),
  ]
}

function faultsOfLinks(root, page) {
  const text = readFileSync(path.join(root, page), 'utf8')
    .replaceAll(/^```.*?^```/gms, '')
    .replaceAll(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(<?([^)\s>#]+)[^)]*\)|(?:src|href)="([^"#]+)/g)]
    .map(([, inline, attribute]) => inline ?? attribute)
    .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(path.join(root, path.dirname(page), target)))
    .map((target) => `${page} leads to ${target}, which is not in the package`)
}

/** Each begins with its name, its version and its licence. */
function faultsOfBundled(text) {
  const bundled = [...text.matchAll(/^(\S+ \d\S*) \(([^)]+)\)$/gm)]
  if (bundled.length === 0) return ['dist/cli/LICENCES.txt names no library']
  return bundled.flatMap(([, name, licence]) => faultsOfLicence(name, licence))
}

/** All that `npm install` of the package brings, by the lock file. */
function faultsOfDependencies() {
  const { packages } = JSON.parse(readFileSync(path.join(here, '../package-lock.json'), 'utf8'))
  const needed = Object.entries(packages).filter(
    ([at, { dev, devOptional, optional, peer }]) => at !== '' && !dev && !devOptional && !optional && !peer,
  )
  if (needed.length === 0) return ['package-lock.json has no dependencies']
  return needed.flatMap(([at, { license }]) => faultsOfLicence(at.replace(/.*node_modules\//, ''), license))
}

function faultsOfLicence(name, licence) {
  if (LICENCES.includes(licence)) return []
  return [`${name} has the licence ${licence}, which is not among ${LICENCES.join(', ')}`]
}
