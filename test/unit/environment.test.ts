// docs/environment.md lists every variable that anything here reads, and none that nothing reads.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const checkout = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFileSync(join(checkout, file), 'utf8')

const NAME = /\bCORRAL_[A-Z0-9_]*[A-Z0-9]\b/g
const PLACES = ['src', 'test', 'bench', 'pack', '.ci', 'docs', 'vitest.config.ts', 'native/prebuild']
// What tests set for programs of their own, to see it again
const ONLY_SEEN_AGAIN = ['CORRAL_TEST_WORD', 'CORRAL_TEST_BYTES']

function files(place: string): string[] {
  if (!statSync(join(checkout, place)).isDirectory()) return [place]
  return readdirSync(join(checkout, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(checkout.length))
}

const namesIn = (text: string) => text.match(NAME) ?? []

/** What C and CMake call so is a macro: the native programs read no variable of ours. */
function macros(): Set<string> {
  const native = files('native').filter((file) => /\.(?:[chS]|cc|txt|cmake)$/.test(file))
  const payloads = files('test').filter((file) => /\.[ch]$/.test(file))
  return new Set([...native, ...payloads, 'native/prebuild/build'].flatMap((file) => namesIn(read(file))))
}

test('docs/environment.md lists the variables that are read, and no others', () => {
  const codes = namesIn(read('docs/errors.md'))
  const macro = macros()
  const isCode = (name: string) => codes.some((code) => code === name || code.startsWith(`${name}_`))
  const isVariable = (name: string) => !isCode(name) && !macro.has(name) && !ONLY_SEEN_AGAIN.includes(name)
  const isProgram = (file: string) =>
    /\.(?:ts|mjs|sh)$|\/[^.]+$/.test(file) && !file.endsWith('/environment.test.ts')
  const used = PLACES.flatMap(files)
    .filter(isProgram)
    .flatMap((file) => namesIn(read(file)))
  const listed = new Set(namesIn(read('docs/environment.md')))
  expect([...new Set(used)].filter((name) => isVariable(name) && !listed.has(name))).toEqual([])
  const launched = /^CORRAL_LAUNCHED_/ // launch.sh puts these names together
  expect([...listed].filter((name) => !used.includes(name) && !launched.test(name))).toEqual([])
})
