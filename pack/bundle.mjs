// What `npm run build:ts` does last: puts libraries that only `corral setup` needs into dist/bundled/, as far as they are
// used, with their licences. So they are no packages that a user has to install.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const LIBRARIES = ['@humanwhocodes/momoa', 'diff']
// momoa has no file with its licence: the same text, as another package has it
const LICENCE_TEXTS = { 'Apache-2.0': '@opentelemetry/api/LICENSE' }

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const bundled = path.join(dist, 'bundled')
const modules = readdirSync(dist, { recursive: true })
  .filter((file) => file.endsWith('.js') && !file.startsWith('bundled/') && file !== 'cli/launch.js')
  .map((file) => path.join(dist, file))

/** The directory of an installed package, as Node finds it from here. */
function directoryOf(library) {
  for (let at = path.dirname(dist); ; at = path.dirname(at)) {
    const directory = path.join(at, 'node_modules', library)
    if (existsSync(directory)) return directory
    if (at === '/') throw new Error(`${library} is not installed: run npm ci`)
  }
}

function licenceOf(library) {
  const directory = directoryOf(library)
  const { version, license } = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'))
  const own = ['LICENSE', 'LICENSE.md', 'LICENSE.txt']
    .map((name) => path.join(directory, name))
    .find((file) => existsSync(file))
  const [owner, ...name] = (LICENCE_TEXTS[license] ?? '').split(/\/(?=[^/]*$)/)
  const text = readFileSync(own ?? path.join(directoryOf(owner), ...name), 'utf8')
  return `${library} ${version} (${license})\n\n${text.trim()}\n`
}

/** Leads the imports of a library to its bundle. Returns the names that are imported. */
function redirect(library, file) {
  const text = readFileSync(file, 'utf8')
  const names = []
  const redirected = text.replaceAll(/import \{([^}]*)\} from '([^']*)'/g, (statement, list, from) => {
    if (from !== library) return statement
    names.push(...list.split(',').map((name) => name.trim().replace(/ as .*/, '')))
    const to = path.relative(path.dirname(file), path.join(bundled, fileOf(library)))
    return `import {${list}} from '${to.startsWith('.') ? to : `./${to}`}'`
  })
  if (names.length > 0) writeFileSync(file, redirected)
  return names
}

const fileOf = (library) => `${library.slice(library.lastIndexOf('/') + 1)}.js`

mkdirSync(bundled, { recursive: true })
for (const library of LIBRARIES) {
  const names = new Set(modules.flatMap((file) => redirect(library, file)))
  if (names.size === 0) throw new Error(`nothing in dist/ imports ${library}`)
  await build({
    stdin: { contents: `export { ${[...names].join(', ')} } from '${library}'`, resolveDir: dist },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outfile: path.join(bundled, fileOf(library)),
  })
}
writeFileSync(path.join(bundled, 'LICENCES.txt'), LIBRARIES.map(licenceOf).join('\n\n'))
