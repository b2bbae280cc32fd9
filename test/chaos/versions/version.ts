// A version of Corral that is built: its gateways and its command line.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Gateway, type GatewayOptions } from '../../support/gateway.js'
import type { Pen } from '../../support/pen.js'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const builder = fileURLToPath(new URL('./build', import.meta.url))
const NO_SUCH_COMMIT = 3
const PROGRAMS = ['test/support/gateway.mjs', 'test/support/orders.mjs']
const WARDEN = 'build/Release/corral-warden'

export class Version {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  /** A gateway of it, in a pen, with the programs of the present tests. */
  gateway(pen: Pen, options: GatewayOptions): Promise<Gateway> {
    return Gateway.open(pen, options, { program: join(this.directory, 'test/support/gateway.mjs') })
  }

  /** What a command of it prints as JSON. @throws where its status is not 0 */
  async command(...args: string[]): Promise<unknown> {
    const main = join(this.directory, 'dist/cli/main.js')
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args, '--json'])
    return JSON.parse(stdout)
  }

  /** A copy of what is installed of it, for updateTo(). It is the caller's to remove. */
  copy(): Version {
    mkdirSync(join(checkout, 'build/test'), { recursive: true })
    const directory = mkdtempSync(join(checkout, 'build/test/installed-'))
    const modules = existsSync(join(this.directory, 'build/js')) ? ['build/js'] : [] // a packed one has none
    for (const part of ['package.json', 'dist', ...modules, 'build/Release', ...PROGRAMS])
      cpSync(join(this.directory, part), join(directory, part), { recursive: true })
    symlinkSync(join(checkout, 'node_modules'), join(directory, 'node_modules'))
    return new Version(directory)
  }

  /** Puts the warden of another version in the place of its own, as an update does below a gateway that runs. */
  updateWarden(other: Version): void {
    cpSync(join(other.directory, WARDEN), join(this.directory, `${WARDEN}.new`))
    renameSync(join(this.directory, `${WARDEN}.new`), join(this.directory, WARDEN))
  }

  remove(): void {
    rmSync(this.directory, { recursive: true })
  }
}

export const present = new Version(checkout)

// Far beyond any that there will be soon
export const LATER = 99

/** The present one, but for the number of its protocol, which nobody knows yet. It is the caller's to remove. */
export function later(): Version {
  const version = present.copy()
  const native = (folder: string) =>
    readdirSync(join(checkout, 'native', folder))
      .filter((name) => /\.[cS]$/.test(name))
      .map((name) => join(checkout, 'native', folder, name))
  const defined = [`CORRAL_PROTOCOL=${LATER}`, 'CORRAL_VERSION="99.0.0"', 'CORRAL_BUILD="source"']
  execFileSync('cc', [
    '-std=gnu11',
    ...defined.map((one) => `-D${one}`),
    ...['-o', join(version.directory, WARDEN)],
    ...['core', 'warden'].flatMap(native),
  ])
  for (const name of readdirSync(join(version.directory, 'dist'), { recursive: true, encoding: 'utf8' })) {
    const file = join(version.directory, 'dist', name)
    if (!name.endsWith('.js')) continue
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(/\bPROTOCOL = \d+/, `PROTOCOL = ${LATER}`))
  }
  return version
}

/** That of an earlier commit, built once; or why it cannot be. */
export function earlier(commit: string): Version | string {
  const { status, stdout, stderr } = spawnSync(builder, [commit], { encoding: 'utf8' })
  if (status === NO_SUCH_COMMIT) return `this checkout has no history up to ${commit.slice(0, 12)}`
  if (status !== 0) throw new Error(`${builder} ${commit} ended with ${status}: ${stderr}`)
  const directory = stdout.trim()
  mkdirSync(join(directory, 'test/support'), { recursive: true })
  for (const program of PROGRAMS) cpSync(join(checkout, program), join(directory, program))
  return new Version(directory)
}
