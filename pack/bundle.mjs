// The modules of dist/: those of src/ in few files, because each that is opened takes a millisecond at every start, and each 40 KB
// that are compiled do, too. Of our own only comments go, so that stack traces can be read. Libraries that only the command line needs are in
// its files, with their licences in dist/cli/LICENCES.txt: so they are no packages that a user has to install.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = path.join(root, 'src')
const dist = path.join(root, 'dist')

const BUNDLED = ['@humanwhocodes/momoa', 'commander', 'diff', 'get-east-asian-width']
// momoa has no file with its licence: the same text, as another package has it
const LICENCE_TEXTS = { 'Apache-2.0': '@opentelemetry/api/LICENSE' }

const { exports, dependencies, peerDependencies } = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
)
const external = [...Object.keys(dependencies), ...Object.keys(peerDependencies)]

const shared = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  absWorkingDir: root,
  outbase: src,
  outdir: dist,
  external,
  logLevel: 'warning',
}

/** Returns the files, as [path, text]. */
async function bundled(options) {
  const { outputFiles } = await build({ ...shared, ...options, write: false })
  return Promise.all(outputFiles.map(async ({ path, text }) => [path, await withoutComments(text)]))
}

/** esbuild leaves those within classes and objects. What can be said shorter is, too; names and lines stay. */
async function withoutComments(text) {
  const { code } = await transform(text, { minifyWhitespace: true, legalComments: 'none', target: 'node20' })
  return (await transform(code, { minifySyntax: true, target: 'node20' })).code
}

/**
 * What package.json exports, and the program that doctor starts, with what these have in common: an error is of the same class in all of
 * them.
 */
const bundleExports = () =>
  bundled({
    entryPoints: [
      ...Object.values(exports)
        .filter((one) => one.types)
        .map((one) => one.types.replace('./dist', src).replace('.d.ts', '.ts')),
      path.join(src, 'backend/cgroup/scope-probe.ts'),
    ],
    splitting: true,
    chunkNames: 'chunks/[hash]',
  })

/** What acpx starts for each agent: a file of its own. */
const bundleAdmit = () => bundled({ entryPoints: [path.join(src, 'integrations/acpx/admit.ts')] })

/** Short, as their lines are in nobody's stack traces. */
const shortLibraries = {
  name: 'short libraries',
  setup({ onLoad }) {
    onLoad({ filter: /\/node_modules\/.*\.m?js$/ }, async ({ path }) => {
      const options = { minify: true, keepNames: true, legalComments: 'none', target: 'node20' }
      const { code } = await transform(readFileSync(path, 'utf8'), options)
      return { contents: code }
    })
  },
}

/** commander can start other programs as commands, which ours do not: it needs not load what would. */
const withoutPrograms = {
  name: 'commander starts no programs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'none', namespace: 'none' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: '' }))
  },
}

/** The command line, as CommonJS, which Node starts faster. esbuild splits ES modules alone, so each is made of one. */
async function bundleCommandLine() {
  const modules = await bundled({
    entryPoints: [path.join(src, 'cli/main.ts')],
    splitting: true,
    chunkNames: 'cli/[name]-[hash]',
    plugins: [withoutPrograms, shortLibraries],
  })
  return [
    [path.join(dist, 'cli/package.json'), '{ "type": "commonjs" }\n'],
    [path.join(dist, 'cli/LICENCES.txt'), BUNDLED.map(licenceOf).join('\n\n')],
    ...(await Promise.all(modules.map(async ([file, text]) => [file, await asCommonJs(text)]))),
  ]
}

async function asCommonJs(text) {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': false }, // of each other; import() would load Node's other loader
    define: { 'import.meta.url': 'importMetaUrl' },
  })
  const [shebang = ''] = /^#!.*\n/.exec(code) ?? []
  const address = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href\n"
  const head = `${shebang}'use strict'\n${code.includes('importMetaUrl') ? address : ''}`
  return head + code.slice(shebang.length)
}

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
  const own = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license']
    .map((name) => path.join(directory, name))
    .find((file) => existsSync(file))
  const [owner, ...name] = (LICENCE_TEXTS[license] ?? '').split(/\/(?=[^/]*$)/)
  const text = readFileSync(own ?? path.join(directoryOf(owner), ...name), 'utf8')
  return `${library} ${version} (${license})\n\n${text.trim()}\n`
}

/** Returns the files that it has written. */
export async function bundle() {
  const files = (await Promise.all([bundleExports(), bundleAdmit(), bundleCommandLine()])).flat()
  for (const [file, text] of files) {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  chmodSync(path.join(dist, 'cli/main.js'), 0o755)
  return files.map(([file]) => file)
}
