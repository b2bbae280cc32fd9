// Builds the C programs of floor/, and those that try to escape, when they are missing or older than their source.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BUILD_DIRECTORY = fileURLToPath(new URL('../build/bench/', import.meta.url))

/** The path of the program built from floor/<name>.c. */
export function floorProgram(name) {
  const source = fileURLToPath(new URL(`floor/${name}.c`, import.meta.url))
  const program = `${BUILD_DIRECTORY}${name}`
  if (modified(program) < modified(source)) {
    mkdirSync(BUILD_DIRECTORY, { recursive: true })
    // Static: a dynamic linker in every started process would dilute every ratio.
    const flags = ['-O2', '-static', '-std=c11', '-Wall', '-Wextra', '-Werror']
    execFileSync('cc', [...flags, '-o', program, source], { stdio: 'inherit' })
  }
  return program
}

/** The path of the program built from a payload of test/chaos/escape. */
export function payloadProgram(source) {
  const program = `${BUILD_DIRECTORY}escape/${basename(source, '.c')}`
  const headers = readdirSync(dirname(source)).filter((name) => name.endsWith('.h'))
  const sources = [source, ...headers.map((name) => join(dirname(source), name))]
  if (sources.some((path) => modified(program) < modified(path))) {
    mkdirSync(dirname(program), { recursive: true })
    const flags = ['-O1', '-std=c11', '-D_GNU_SOURCE', '-pthread']
    execFileSync('cc', [...flags, '-o', program, source, '-lrt'], { stdio: 'inherit' })
  }
  return program
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
