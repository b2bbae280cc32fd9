// Compiles the C programs of the tests when they are needed, into build/test/.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const tests = fileURLToPath(new URL('../', import.meta.url))
const output = fileURLToPath(new URL('../../build/test/', import.meta.url))
const compiler = fileURLToPath(new URL('./cc', import.meta.url))

let compilations = 0

/** A source and the headers that it includes from beside it, and these from beside them. */
async function sources(file: string): Promise<string[]> {
  const includes = (await readFile(file, 'utf8')).matchAll(/^#include "(.+)"$/gm)
  const headers = [...includes].map(([, name = '']) => sources(join(dirname(file), name)))
  return [file, ...(await Promise.all(headers)).flat()]
}

/** As compiled(), a library to be preloaded (LD_PRELOAD, ld.so(8)). */
export function compiledLibrary(source: string): Promise<string> {
  return compiled(source, ['-shared', '-fPIC'])
}

/** Resolves with the program's path. One newer than its source and the headers of that is used as it is. */
export async function compiled(source: string, kind: readonly string[] = []): Promise<string> {
  // Below its source's own directory: two tests may call different programs the same
  const directory = join(output, relative(tests, dirname(source)))
  const program = join(directory, basename(source, '.c'))
  const changed = await Promise.all((await sources(source)).map(async (file) => (await stat(file)).mtimeMs))
  const made = await stat(program).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
  if (made > Math.max(...changed)) return program
  await mkdir(directory, { recursive: true })
  // Test files run side by side, and so do rounds of a test: each compiles to a name of its own, and the last
  // rename wins.
  const fresh = `${program}.${process.pid}.${++compilations}`
  await promisify(execFile)(compiler, [fresh, source, ...kind])
  await rename(fresh, program)
  return program
}
