// corral version, and corral --version: the version, what was built from it, and what the kernel has that it uses.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { CorralError } from '../common/errors.js'
import { json } from '../common/text.js'
import { subdirectories } from '../linux/file.js'
import { findCgroupMounts } from '../linux/mounts.js'
import { addonPath, loadNative, type NativeBuild, packageVersion, wardenPath } from '../native/addon.js'
import { linesOf, type Outcome } from './output.js'

interface AddonFacts extends NativeBuild {
  path: string
}

interface WardenFacts {
  path: string
  version: string
  /** For which CPU, by which compiler, for which libc. */
  built: string
}

interface KernelFacts {
  release: string
  /** By name: whether it is there; null where that cannot be seen from here. */
  features: Record<string, boolean | null>
}

interface Failure {
  error: string
}

interface Version {
  version: string
  addon: AddonFacts | Failure
  warden: WardenFacts | Failure
  kernel: KernelFacts | Failure
  node: string
}

/** What cannot be had is told in its place. */
export function version(options: { json: boolean }): Outcome {
  const facts: Version = {
    version: packageVersion() ?? 'unknown',
    addon: orFailure(addonFacts),
    warden: orFailure(wardenFacts),
    kernel: orFailure(kernelFacts),
    node: process.version,
  }
  return { lines: options.json ? linesOf(json(facts)) : render(facts), status: 0 }
}

function orFailure<Facts>(gather: () => Facts): Facts | Failure {
  try {
    return gather()
  } catch (error) {
    if (error instanceof CorralError) return { error: error.message }
    throw error
  }
}

function addonFacts(): AddonFacts {
  return { path: addonPath(), ...loadNative().build() }
}

function wardenFacts(): WardenFacts {
  loadNative() // where there is no addon there is no path
  const warden = wardenPath()
  const { stdout, status, error } = spawnSync(warden, ['--version'], { encoding: 'utf8', timeout: 5000 })
  const [version, built] = stdout?.split('\n') ?? []
  if (status !== 0 || version === undefined || built === undefined)
    throw new CorralError('CORRAL_NATIVE_MISSING', `${warden} does not report its version`, {
      hint: 'Run `npx corral build`',
      cause: error,
    })
  return { path: warden, version, built }
}

function kernelFacts(): KernelFacts {
  const { cloneIntoCgroup, pidfd, children } = loadNative().features()
  const features = {
    clone_into_cgroup: cloneIntoCgroup,
    pidfd,
    cgroup2: findCgroupMounts().ownDirectory !== undefined,
    'cgroup.kill': hasCgroupKill(),
    pressure: existsSync('/proc/pressure/memory'),
    children,
  }
  return { release: os.release(), features }
}

/** The file is in every cgroup but that at the top; without one there is nothing to see. */
function hasCgroupKill(): boolean | null {
  const { ownDirectory } = findCgroupMounts()
  if (ownDirectory === undefined) return null
  const below = subdirectories(ownDirectory).map((name) => path.join(ownDirectory, name))
  const group = [ownDirectory, ...below].find((directory) =>
    existsSync(path.join(directory, 'cgroup.events')),
  )
  return group === undefined ? null : existsSync(path.join(group, 'cgroup.kill'))
}

function render({ version, addon, warden, kernel, node }: Version): string[] {
  const told = <Facts extends object>(facts: Facts | Failure, words: (facts: Facts) => string) =>
    'error' in facts ? `none: ${facts.error}` : words(facts)
  return [
    version,
    `addon   ${told(addon, (a) => `${a.version} for ${a.cpu}, ${a.kind} build by ${a.compiler}, ${a.libc}, Node-API ${a.napi}: ${a.path}`)}`,
    `warden  ${told(warden, (w) => `${w.version} ${w.built}: ${w.path}`)}`,
    `kernel  ${told(kernel, ({ release, features }) => `Linux ${release}: ${Object.entries(features).map(featureWord).join(', ')}`)}`,
    `node    ${node}`,
  ]
}

function featureWord([name, present]: [string, boolean | null]): string {
  return present === null ? `${name} unknown` : `${present ? '' : 'no '}${name}`
}
