// Installs real ACP agents on demand, each at one pinned version, into node_modules/.cache of this checkout.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const INSTALL_TIMEOUT_MS = 300_000
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/corral/', import.meta.url))

/**
 * The generation whose leftovers were measured, and a light one: 98 MB, where later versions are four times that. Resolves
 * to where the agent is; rejects with what npm said when it cannot be installed.
 */
export const installClaudeAgent = () =>
  installAgent('@agentclientprotocol/claude-agent-acp@0.25.3', 'claude-agent-acp', 98)

/** The same for another package, whose program is `binary`; `megabytes` says how big it is. */
export async function installAgent(name, binary, megabytes, options = []) {
  const directory = join(CACHE, name.replaceAll('/', '+'))
  const bin = join(directory, 'node_modules/.bin')
  const installed = { name, directory, bin, binary: join(bin, binary) }
  if (existsSync(installed.binary)) return installed

  // Installed beside and renamed, so that a directory of this name is always a whole one.
  const unfinished = `${directory}.${process.pid}`
  console.error(`Installing ${name} into ${directory} (about ${megabytes} MB, once)`)
  mkdirSync(unfinished, { recursive: true })
  try {
    await npmInstall(unfinished, [...options, name])
    rmSync(directory, { recursive: true, force: true })
    renameSync(unfinished, directory)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return installed
}

async function npmInstall(directory, words) {
  const args = ['install', '--prefix', directory, '--no-audit', '--no-fund', '--no-package-lock', ...words]
  const npm = spawn('npm', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_TIMEOUT_MS })
  let said = ''
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text
    })
  }
  const [code, signal] = await once(npm, 'close')
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${signal ?? code}:\n${said}`)
}
