// What `npm run build:ts` does after tsc, which has written the declarations to dist/ and each module to build/js/, where tests and
// benchmarks find what is not exported: makes dist/ what package.json refers to, and small. Declarations that the public ones do not
// need go, and what was made of modules that are no more.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = path.join(root, 'dist')
const modules = path.join(root, 'build/js')

function removeFiles(directory, isLeft) {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile() && isLeft(file)) rmSync(file)
  }
}

function leaveOutComments(file) {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/^ *\/\*\*[\s\S]*?\*\/\n/gm, ''))
}

/** Types of hosts are `any` where the host is not installed, also for who has the compiler check all declarations. */
function tolerate(file) {
  const text = readFileSync(file, 'utf8')
  const hosts = Object.keys(peerDependencies).join('|')
  const tolerant = text.replaceAll(
    new RegExp(`^import type .* from '(?:${hosts})(?:/[^']*)?';$`, 'gm'),
    '// @ts-ignore\n$&',
  )
  if (tolerant !== text) writeFileSync(file, tolerant)
}

/** All declarations that one needs, itself first. */
function needed(file, seen = new Set()) {
  if (seen.has(file)) return seen
  seen.add(file)
  const imports = readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]*)\.js['"]/g)
  for (const [, name] of imports) needed(path.resolve(path.dirname(file), `${name}.d.ts`), seen)
  return seen
}

// What package.json calls `corral`
const launcher = path.join(dist, 'cli/launch.js')
const kept = new Set([launcher, ...(await bundle())])
copyFileSync(path.join(root, 'src/cli/launch.sh'), launcher)
chmodSync(launcher, 0o755)

const { exports, peerDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
for (const { types } of Object.values(exports)) if (types) needed(path.join(root, types), kept)
removeFiles(dist, (file) => !kept.has(file))
for (const file of kept) if (file.endsWith('.d.ts')) tolerate(file)
// Nobody but we can call what these declare
for (const file of kept) if (/\/native\/.*\.d\.ts$/.test(file)) leaveOutComments(file)
const sourceOf = (file) =>
  path.join(root, 'src', path.relative(modules, file).replace(/\.js(\.map)?$/, '.ts'))
removeFiles(modules, (file) => !existsSync(sourceOf(file)))
