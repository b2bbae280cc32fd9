// corral build: builds the addon and the warden where there are no prebuilt files for this machine, and in a checkout: by CMake,
// or by node-gyp where there is no CMake. It downloads nothing.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { NativeMissingError, UnsupportedPlatformError } from '../common/errors.js'
import { isProgram } from '../common/program.js'
import { json } from '../common/text.js'
import { isSupportedPlatform, packageDirectory } from '../native/addon.js'
import { linesOf, type Outcome } from './output.js'

const FILES = { addon: 'corral.node', warden: 'corral-warden' }
const PACKAGES = ['cmake-js', 'node-api-headers', 'node-addon-api']
const COMPILERS =
  'Install a C and C++ compiler, make and CMake (Debian, Ubuntu: apt-get install -y g++ make cmake; Alpine: ' +
  'apk add build-base cmake linux-headers; Fedora: dnf install -y gcc-c++ make cmake)'

/** @throws UnsupportedPlatformError, NativeMissingError */
export function build(options: { json: boolean }): Outcome {
  if (!isSupportedPlatform())
    throw new UnsupportedPlatformError(
      `there is nothing to build: Corral has native parts on Linux (x64, arm64), not on ${process.platform} ${process.arch}`,
    )
  const root = packageDirectory()
  // A checkout has them at its top
  const sources = existsSync(path.join(root, 'native', 'CMakeLists.txt')) ? root : path.join(root, 'sources')
  const release = path.join(root, 'build', 'Release')
  const found = packages(root)
  const headers = isOnPath('cmake') ? undefined : headersOfNode()
  const built =
    headers !== undefined && isOnPath('node-gyp')
      ? buildByNodeGyp(sources, release, found, headers)
      : buildByCMake(sources, path.dirname(release), found)
  if (!built)
    throw new NativeMissingError('the native addon could not be built', {
      hint: `${COMPILERS}, unless the compiler says above what is wrong`,
    })
  const addon = path.join(release, FILES.addon)
  const warden = path.join(release, FILES.warden)
  return {
    lines: options.json ? linesOf(json({ addon, warden })) : [`built ${addon}`, `built ${warden}`],
    status: 0,
  }
}

/** The directory of each package, as installed beside Corral or in the project that this is run in. @throws NativeMissingError */
function packages(root: string): Map<string, string> {
  const from = [root, process.cwd()].map((directory) => createRequire(path.join(directory, 'package.json')))
  const found = new Map<string, string>()
  for (const require of from) {
    for (const name of PACKAGES) {
      const manifest = manifestOf(name, require)
      if (manifest !== undefined && !found.has(name)) found.set(name, path.dirname(manifest))
    }
  }
  const missing = PACKAGES.filter((name) => !found.has(name))
  if (missing.length === 0) return found
  throw new NativeMissingError(
    `the native addon cannot be built without the packages ${missing.join(', ')}`,
    {
      hint: `Run \`npm i -D ${PACKAGES.join(' ')}\`. ${COMPILERS}`,
    },
  )
}

function manifestOf(name: string, require: NodeJS.Require): string | undefined {
  try {
    return require.resolve(`${name}/package.json`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function buildByCMake(sources: string, output: string, found: Map<string, string>): boolean {
  const program = path.join(found.get('cmake-js') ?? '', 'bin', 'cmake-js')
  const words = [
    'compile',
    '--directory',
    path.join(sources, 'native'),
    '--out',
    output,
    '--log-level',
    'error',
  ]
  return run(process.execPath, [program, ...words], sources, found)
}

function buildByNodeGyp(
  sources: string,
  release: string,
  found: Map<string, string>,
  headers: string,
): boolean {
  if (!run('node-gyp', ['rebuild', '--silent', '--nodedir', headers], sources, found)) return false
  const made = path.join(sources, 'build', 'Release')
  if (made === release) return true
  mkdirSync(release, { recursive: true })
  for (const file of Object.values(FILES)) copyFileSync(path.join(made, file), path.join(release, file))
  return true
}

/** Where this Node was installed with its headers, which node-gyp would download otherwise. */
function headersOfNode(): string | undefined {
  const prefix = path.dirname(path.dirname(process.execPath))
  return existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? prefix : undefined
}

/** What it says goes to stderr. With pnpm, what is in the project is not in a directory above the sources: NODE_PATH names it (Node's modules.html). */
function run(command: string, args: string[], cwd: string, found: Map<string, string>): boolean {
  const directories = new Set([...found.values()].map((directory) => path.dirname(directory)))
  const env = { ...process.env, NODE_PATH: [...directories].join(path.delimiter) }
  return spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] }).status === 0
}

const isOnPath = (program: string): boolean =>
  (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .some((directory) => isProgram(path.join(directory, program)))
