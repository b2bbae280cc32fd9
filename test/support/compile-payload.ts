// Compiles the C programs of the tests when they are needed, into build/test/.
import { execFile } from 'node:child_process'
import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const output = fileURLToPath(new URL('../../build/test/', import.meta.url))
const flags = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread']
// timer_create is in librt before glibc 2.34.
const libraries = ['-lrt']

/** Resolves with the program's path. One newer than its source and the headers beside it is used as it is. */
export async function compiled(source: string): Promise<string> {
  const program = join(output, basename(source, '.c'))
  const directory = dirname(source)
  const headers = (await readdir(directory))
    .filter((name) => name.endsWith('.h'))
    .map((name) => join(directory, name))
  const changed = await Promise.all([source, ...headers].map(async (file) => (await stat(file)).mtimeMs))
  const made = await stat(program).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
  if (made > Math.max(...changed)) return program
  await mkdir(output, { recursive: true })
  // Test files run side by side: each compiles to a name of its own, and the last rename wins.
  const fresh = `${program}.${process.pid}`
  await promisify(execFile)(process.env.CC ?? 'cc', [...flags, '-o', fresh, source, ...libraries])
  await rename(fresh, program)
  return program
}
