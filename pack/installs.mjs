// node pack/installs.mjs TARBALL [MAJOR…]: installs the package as users do, in an empty directory, on each of these Nodes (20, 22, 24
// and 26 without them), by npm 11 and by pnpm 10. Fails where a package manager warns of anything, where `corral` does not run, and
// where more is installed than docs/builds.md says. Prints a table of what is installed, beside other packages: these without their
// install scripts. Seconds are those of a filled cache: what is not in it is installed once before.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const CORRAL = 'corral'
const PEERS = ['better-sqlite3', 'node-pty', 'execa']
// Its own npmrc has something that this npm does not know
const OF_THIS_MACHINE = /Unknown \w+ config/
const MOST = { packages: 36, bytes: 4_000_000, ownBytes: 2.5 * 2 ** 20 }

const [tarball, ...majors] = process.argv.slice(2)
if (tarball === undefined) throw new Error('usage: npm run test:installs -- TARBALL [MAJOR…]')
const checkout = fileURLToPath(new URL('..', import.meta.url))
const specs = {
  [CORRAL]: `file:${realpathSync(tarball)}`,
  ...Object.fromEntries(PEERS.map((name) => [name, name])),
}

const tools = path.join(checkout, 'node_modules/.cache/corral/package-managers')
const MANAGERS = {
  'npm 11': { program: 'npm/bin/npm-cli.js', words: ['install', '--no-fund', '--no-audit'] },
  'pnpm 10': { program: 'pnpm/bin/pnpm.cjs', words: ['add', '--store-dir', path.join(tools, 'store')] },
}

function installManagers() {
  if (existsSync(path.join(tools, 'node_modules', MANAGERS['pnpm 10'].program))) return
  mkdirSync(tools, { recursive: true })
  writeFileSync(path.join(tools, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['install', '--silent', '--no-fund', '--no-audit', 'npm@11', 'pnpm@10'], { cwd: tools })
}

/** Real directories: pnpm has links to them, too. */
function packagesIn(modules) {
  const directories = (at) =>
    existsSync(at) ? readdirSync(at, { withFileTypes: true }).filter((one) => one.isDirectory()) : []
  return directories(modules).flatMap(({ name }) => {
    const at = path.join(modules, name)
    if (name === '.pnpm')
      return directories(at).flatMap((one) => packagesIn(path.join(at, one.name, 'node_modules')))
    if (name.startsWith('.')) return []
    const own = name.startsWith('@') ? directories(at).map((one) => path.join(at, one.name)) : [at]
    return own.flatMap((directory) => [directory, ...packagesIn(path.join(directory, 'node_modules'))])
  })
}

/** Without the packages in it. */
function bytesOf(directory) {
  const sizes = readdirSync(directory, { withFileTypes: true }).map((entry) => {
    const at = path.join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? 0 : bytesOf(at)
    return entry.isFile() ? lstatSync(at).size : 0
  })
  return sum(sizes)
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0)

/** Installs it in an empty directory, and takes that away. */
function install({ env, manager, name, check }) {
  const directory = mkdtempSync(path.join(tmpdir(), 'corral-install-'))
  try {
    writeFileSync(path.join(directory, 'package.json'), '{ "private": true }')
    const { program, words } = MANAGERS[manager]
    const scripts = name === CORRAL ? [] : ['--ignore-scripts']
    const begun = performance.now()
    const { status, stdout, stderr } = spawnSync(
      'node',
      [path.join(tools, 'node_modules', program), ...words, ...scripts, specs[name]],
      { cwd: directory, env, encoding: 'utf8' },
    )
    const seconds = (performance.now() - begun) / 1000
    const said = stdout + stderr
    if (status !== 0) throw new Error(`${manager} ended with ${status}:\n${said}`)
    const packages = packagesIn(path.join(directory, 'node_modules'))
    const sizes = packages.map(bytesOf)
    const own = sum(sizes.filter((_, index) => path.basename(packages[index]) === name))
    const found = { packages: packages.length, bytes: sum(sizes), own, seconds, said }
    check?.(directory, found)
    return found
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** @throws where users of Corral would be disappointed */
function assertGood(env, directory, { packages, bytes, own, said }) {
  const warnings = said
    .split('\n')
    .filter((line) => /warn|deprecat|ignored|vulnerab/i.test(line) && !OF_THIS_MACHINE.test(line))
  if (warnings.length > 0) throw new Error(`it warned:\n${warnings.join('\n')}`)
  const others = { packages: packages - 1, bytes: bytes - own }
  if (others.packages > MOST.packages || others.bytes > MOST.bytes)
    throw new Error(`beside Corral there are ${others.packages} packages with ${others.bytes} bytes`)
  if (own > MOST.ownBytes) throw new Error(`Corral has ${own} bytes`)
  const corral = path.join(directory, 'node_modules/.bin/corral')
  const { addon } = JSON.parse(execFileSync(corral, ['version', '--json'], { env, encoding: 'utf8' }))
  if (addon.kind !== 'prebuilt') throw new Error(`the addon is ${JSON.stringify(addon)}`)
  if (execFileSync(corral, ['run', '--', 'echo', 'contained'], { env, encoding: 'utf8' }) !== 'contained\n')
    throw new Error('corral run did not run the command')
}

const figures = ({ packages, bytes, seconds }) =>
  `${packages}, ${(bytes / 1e6).toFixed(1)}, ${seconds.toFixed(1)}`

installManagers()
const filled = new Set()
const names = [CORRAL, ...PEERS]
console.log(`| packages, MB, seconds | ${names.join(' | ')} |\n|${' --- |'.repeat(names.length + 1)}`)
for (const major of majors.length > 0 ? majors : ['20', '22', '24', '26']) {
  const bin = execFileSync(path.join(checkout, 'test/nodes/node-of'), [major], { encoding: 'utf8' }).trim()
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  // What npm run has set is for another npm
  for (const name of Object.keys(env).filter((one) => /^npm_(config|package|lifecycle)_/.test(one)))
    delete env[name]
  for (const manager of Object.keys(MANAGERS)) {
    const check = (directory, found) => assertGood(env, directory, found)
    const cells = names.map((name) => {
      if (!filled.has(`${manager} ${name}`)) install({ env, manager, name })
      filled.add(`${manager} ${name}`)
      return figures(install({ env, manager, name, check: name === CORRAL ? check : undefined }))
    })
    console.log(`| Node ${major}, ${manager} | ${cells.join(' | ')} |`)
  }
}
