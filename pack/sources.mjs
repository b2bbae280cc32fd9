// Copies what `corral build` builds the addon and the warden from to sources/, which is in the package: a checkout in small, with
// binding.gyp at its top. At the top of the package npm, pnpm and Yarn would take that for something to build at every install.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const PARTS = [
  'binding.gyp',
  'native/CMakeLists.txt',
  'native/package.json',
  'native/addon',
  'native/core',
  'native/warden',
]

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = path.join(root, 'sources')
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))

rmSync(sources, { recursive: true, force: true })
for (const part of PARTS) cpSync(path.join(root, part), path.join(sources, part), { recursive: true })
// binding.gyp and CMakeLists.txt read the version here
writeFileSync(path.join(sources, 'package.json'), `${JSON.stringify({ private: true, version }, null, 2)}\n`)
