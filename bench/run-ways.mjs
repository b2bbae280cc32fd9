// The ways to run one command that run.mjs compares. Each is { words, keeps, enter }: `words(command, root)` is the
// command line, `keeps` the number of processes that stay beside the command, and `enter`, where a way needs
// surroundings of its own, the words before the starter.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { crunWay } from './crun-bundle.mjs'
import { floorProgram } from './floor.mjs'

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const WARDEN = fileURLToPath(new URL('../build/Release/corral-warden', import.meta.url))

// What a wrapper written in Node is at the least.
const NODE_WRAPPER =
  'const [command, ...args] = process.argv.slice(1); require("child_process").spawn(command, args, { stdio: "inherit" })'

// As much as bwrap can do of what Corral does: everything ends with the command, and with bwrap.
const BWRAP = ['bwrap', '--dev-bind', '/', '/', '--proc', '/proc', '--unshare-pid', '--die-with-parent', '--']

const TRIAL_MS = 5000
const TRIAL = floorProgram('print-clock')

const withCorral = (words) => (command, root) => [...words, 'run', '--root', root, '--', ...command]

/** The ways that are there wherever the bench is. */
export const OWN_WAYS = {
  'corral run': { words: withCorral([process.execPath, CLI]), keeps: 2 },
  'corral-warden run': { words: withCorral([WARDEN]), keeps: 2 },
  "node -e ''": { words: () => [process.execPath, '-e', ''], keeps: 0 },
  'node, spawning it': { words: (command) => [process.execPath, '-e', NODE_WRAPPER, ...command], keeps: 1 },
  // It must not become the command, which a shell does with its last one
  'sh, waiting for it': { words: (command) => ['sh', '-c', '"$@"; exit "$?"', 'sh', ...command], keeps: 1 },
  'fork and exec': { words: (command) => command, keeps: 0 },
}

/** The peers that work here; says of each other one, in a line, why it is passed over. */
export async function peerWays() {
  const user = process.getuid() === 0 ? [] : ['--user']
  const peers = {
    bwrap: { words: (command) => [...BWRAP, ...command], keeps: 2 },
    crun: crunWay(),
    // It becomes the command; what holds that together is systemd.
    'systemd-run --scope': {
      words: (command) => ['systemd-run', ...user, '--scope', '--quiet', '--', ...command],
      keeps: 0,
    },
  }
  for (const [name, way] of Object.entries(peers)) {
    const why = await whyNot(way)
    if (why === undefined) continue
    console.log(`${name} is passed over: ${why}`)
    delete peers[name]
  }
  return peers
}

async function whyNot({ words, enter = [] }) {
  const [program, ...args] = [...enter, ...words([TRIAL])]
  try {
    await promisify(execFile)(program, args, { timeout: TRIAL_MS, killSignal: 'SIGKILL' })
    return undefined
  } catch (error) {
    if (error.code === 'ENOENT') return 'not installed'
    if (error.killed) return `no end within ${TRIAL_MS} ms`
    return error.stderr.trim().replaceAll('\n', ' ') || error.message
  }
}
