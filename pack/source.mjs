// What `npm run build:ts` is for src/, for native/: the sources of the addon and the warden as one compressed file, for the
// package is to stay small. native/install.mjs unpacks it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'

const native = fileURLToPath(new URL('../native', import.meta.url))
const DIRECTORIES = ['addon', 'core', 'warden']

const files = DIRECTORIES.flatMap((directory) =>
  readdirSync(path.join(native, directory)).map((file) => `${directory}/${file}`),
)
const texts = ['CMakeLists.txt', ...files]
  .sort()
  .map((file) => [file, readFileSync(path.join(native, file), 'utf8')])
const json = Buffer.from(JSON.stringify(Object.fromEntries(texts)))
const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: json.length }
writeFileSync(path.join(native, 'sources.json.br'), brotliCompressSync(json, { params }))
