// node without.mjs ROOT, in a project that has the package installed: what becomes of it without any one of its prebuilt files, as
// docs/builds.md says. They are all back afterwards.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const [root] = process.argv.slice(2)
const directory = path.dirname(createRequire(import.meta.url).resolve('corral/package.json'))
const prebuilds = path.join(directory, 'prebuilds')
const own = `linux-${process.arch}`

const OPENING = `
  import { openCorral } from 'corral'
  try {
    await (await openCorral({ root: process.argv[1] })).close()
  } catch (error) {
    console.error(error.code, error.hint)
    process.exitCode = 1
  }`

function run(...words) {
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  return { status, said: stderr }
}

/** Both ways in: the library, and the command line. */
const ways = () => ({
  library: run('--input-type=module', '-e', OPENING, root),
  command: run(path.join(directory, 'dist/cli/main.js'), 'run', '--root', root, '--', 'sh', '-c', ':'),
})

const files = readdirSync(prebuilds, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(prebuilds, path.join(entry.parentPath, entry.name)))
assert.deepEqual(files.toSorted(), [
  'SHA256SUMS',
  ...['arm64', 'x64'].flatMap((cpu) => [`linux-${cpu}/corral-warden`, `linux-${cpu}/corral.node`]),
])
for (const file of files) {
  const at = path.join(prebuilds, file)
  renameSync(at, `${at}.away`)
  try {
    for (const [way, { status, said }] of Object.entries(ways())) {
      const what = `${way} without ${file}: ${said}`
      if (!file.startsWith(own)) assert.equal(status, 0, what)
      else {
        assert.equal(status, 1, what)
        assert.match(said, /npx corral build/, what)
        if (way === 'library')
          assert.match(said, file.endsWith('.node') ? /CORRAL_NATIVE_MISSING/ : /CORRAL_NO_GUARD/, what)
      }
    }
  } finally {
    renameSync(`${at}.away`, at)
  }
}
for (const [way, { status, said }] of Object.entries(ways())) assert.equal(status, 0, `${way}: ${said}`)
console.log(`without any one of the ${files.length} files in prebuilds it works, or says what to do`)
