// `npm ci` in a checkout, and `npm install` from git, run this after `npm run build:ts`: it builds the addon and the warden for this
// machine, and copies their sources for the package. On other systems the package can be imported, and there is nothing to build.
// package.json calls it `preprepare`, which both run, as a `prepare` has npm 11 warn whoever installs the package from a tarball.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const built = path.join(root, 'build', 'Release')
const prebuilds = path.join(root, 'prebuilds')

/**
 * An install from git gets what is packed here, without build/. So what was built is packed as the prebuilt files of this CPU, unless
 * `npm run prebuilds` has made those.
 */
function packBuilt() {
  if (existsSync(path.join(prebuilds, 'SHA256SUMS'))) return
  const directory = path.join(prebuilds, `linux-${process.arch}`)
  mkdirSync(directory, { recursive: true })
  for (const file of ['corral.node', 'corral-warden'])
    copyFileSync(path.join(built, file), path.join(directory, file))
}

if (process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)) {
  await import('./sources.mjs')
  const { status } = spawnSync(process.execPath, [path.join(root, 'dist/cli/main.js'), 'build'], {
    stdio: 'inherit',
  })
  if (status === 0) packBuilt()
  else process.exitCode = 1
}
