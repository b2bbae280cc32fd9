// Where a limit is lower than what a start takes: the command runs as it would alone, under that limit, or one line says which limit it
// is, what it is, and what to do.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { Pen } from '../support/pen.js'
import { test } from '../support/pen-test.js'

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const LAUNCHER = at('../../dist/cli/launch.js')
// Root can raise a limit, and needs no such line
const AS_OTHERS = process.getuid?.() === 0 ? 'setpriv --bounding-set=-sys_resource' : ''

/** What `corral run` of a command prints under these limits. */
async function printed(pen: Pen, way: Way, limits: string): Promise<string> {
  const place = way === 'cgroup' ? `--root ${pen.path}` : `--backend ${way}`
  const command =
    'echo $(ulimit -Sn; ulimit -Hn; ulimit -Sf; ulimit -Hf); [ ! -e /proc/self/fd/100 ] || echo with 100'
  // None of our own descriptors is in it
  const script = `for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ $fd -lt 3 ] || eval "exec $fd>&-"; done
    ulimit -n 512; ${limits}; ${AS_OTHERS} ${LAUNCHER} run ${place} -- sh -c '${command}' || echo "failed: $?"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script])
  return `${stdout}${stderr}`.trim().replaceAll('\n', ' ')
}

type Way = 'cgroup' | 'subreaper'
const RAISE_FILES = 'raise it (ulimit -n)'
const TOO_FEW = `failed: 1 corral: RLIMIT_NOFILE is 63 here, and Node with Corral needs 64: ${RAISE_FILES}`
const REFUSED = "failed: 1 corral: 'sh' cannot be started:"
const NO_ROOM = `${REFUSED} dup: Too many open files. RLIMIT_NOFILE is 80 here: ${RAISE_FILES}, or close descriptors`
const NO_FILE = `${REFUSED} File too large. RLIMIT_FSIZE is 0 here: raise it (ulimit -f)`

const LIMITS: readonly [what: string, limits: string, printed: Record<Way, string>][] = [
  ['few open files', 'ulimit -n 63', { cgroup: TOO_FEW, subreaper: TOO_FEW }],
  [
    'just enough',
    'ulimit -n 64',
    { cgroup: '64 64 unlimited unlimited', subreaper: '64 64 unlimited unlimited' },
  ],
  // What holds it by a subreaper gets each descriptor by a message, and under another number
  [
    'a descriptor above the limit',
    'exec 100</dev/null; ulimit -n 80',
    { cgroup: '80 80 unlimited unlimited with 100', subreaper: NO_ROOM },
  ],
  ['no file', 'ulimit -f 0', { cgroup: '512 512 0 0', subreaper: NO_FILE }],
  ['no file for now', 'ulimit -Sf 0', { cgroup: '512 512 0 unlimited', subreaper: '512 512 0 unlimited' }],
]

for (const [what, limits, expected] of LIMITS)
  test.for(['cgroup', 'subreaper'] as const)(`${what}, held by %s`, async (way, { pen }) => {
    expect(await printed(pen, way, limits)).toBe(expected[way])
  })
