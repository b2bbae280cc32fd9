// npm runs this once the package is there. Where the prebuilt addon can be loaded there is nothing to do; elsewhere, in a
// checkout, or with --build-from-source, it is built: by CMake, else by node-gyp. Says what is missing when neither can.
// `node native/install.mjs --unpack` only puts the sources of the addon and the warden there, for who wants to read them.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

const root = fileURLToPath(new URL('..', import.meta.url))
const prebuilt = path.join(root, 'prebuilds', `linux-${process.arch}`, 'corral.node')

const NEEDS = `corral: the native addon could not be built, and there is no prebuilt one for ${process.platform} ${process.arch} here.
To build it, install a C and C++ compiler, make and CMake (or Python 3, for node-gyp):
  Debian, Ubuntu:  apt-get install -y g++ make cmake
  Alpine:          apk add build-base cmake linux-headers
  Fedora:          dnf install -y gcc-c++ make cmake
and then run: npm rebuild corral`

function isSupported() {
  return process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)
}

function isWanted() {
  const checkout = existsSync(path.join(root, 'src'))
  return checkout || ['true', ''].includes(process.env['npm_config_build_from_source'] ?? 'false')
}

function loads() {
  if (!existsSync(prebuilt)) return false
  try {
    createRequire(import.meta.url)(prebuilt)
    return true
  } catch (error) {
    console.error(`corral: the prebuilt addon cannot be loaded (${error}); building it`)
    return false
  }
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  return status === 0
}

/** In a checkout they are there as they are (pack/source.mjs packs them). */
function unpack() {
  const native = path.join(root, 'native')
  if (existsSync(path.join(native, 'CMakeLists.txt'))) return
  const packed = brotliDecompressSync(readFileSync(path.join(native, 'sources.json.br')))
  for (const [file, text] of Object.entries(JSON.parse(packed.toString()))) {
    mkdirSync(path.join(native, path.dirname(file)), { recursive: true })
    writeFileSync(path.join(native, file), text)
  }
}

function build() {
  unpack()
  return (
    run('cmake-js', ['compile', '--directory', 'native', '--out', 'build']) || run('node-gyp', ['rebuild'])
  )
}

// On other systems the package can be imported, and refuses to hold sessions: nothing to build.
if (process.argv[2] === '--unpack') unpack()
else if (isSupported() && (isWanted() || !loads()) && !build()) {
  console.error(NEEDS)
  process.exitCode = 1
}
