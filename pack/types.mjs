// node pack/types.mjs DIRECTORY: whether the types of the package that is installed in DIRECTORY can be used: each entry, as an ES module
// and as CommonJS, with none of the hosts installed, strictly, all declarations checked (no skipLibCheck). Leaves nothing there.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const [directory] = process.argv.slice(2)
const checkout = fileURLToPath(new URL('..', import.meta.url))
const installed = path.join(directory, 'node_modules/corral/package.json')
const { exports } = JSON.parse(readFileSync(installed, 'utf8'))
const entries = Object.keys(exports).filter((name) => exports[name].types)

const line = (statement) => (name, index) =>
  statement(`entry${index}`, JSON.stringify(path.posix.join('corral', name)))
const reexported = `export { ${entries.map((_, index) => `entry${index}`).join(', ')} }`
const FILES = {
  'entries.mts': [...entries.map(line((as, from) => `import * as ${as} from ${from}`)), reexported],
  'entries.cts': [...entries.map(line((as, from) => `import ${as} = require(${from})`)), reexported],
  // What the entry is for
  'used.mts': [
    "import { openCorral, StuckError } from 'corral'",
    'const corral = await openCorral()',
    "const session = await corral.spawn({ command: 'cat' })",
    "session.process.stdin.end('the stream is there where stdio is a pipe')",
    "const bare = await corral.spawn({ command: 'cat', stdio: 'inherit' })",
    '// @ts-expect-error: it has none',
    'bare.process.stdin.end()',
    'export const stuck = (error: unknown) => error instanceof StuckError && error.code',
  ],
  'tsconfig.json': [
    JSON.stringify({
      compilerOptions: {
        target: 'es2023',
        module: 'nodenext',
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        types: ['node'],
        typeRoots: [path.join(checkout, 'node_modules/@types')],
      },
      include: ['*.mts', '*.cts'],
    }),
  ],
}
const files = Object.keys(FILES).map((name) => path.join(directory, name))
try {
  for (const [name, lines] of Object.entries(FILES))
    writeFileSync(path.join(directory, name), lines.join('\n'))
  execFileSync(path.join(checkout, 'node_modules/.bin/tsc'), ['-p', directory], { stdio: 'inherit' })
} finally {
  for (const file of files) rmSync(file, { force: true })
}
console.log(`types: ${entries.length} entries, as ES modules and CommonJS`)
