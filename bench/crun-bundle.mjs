// crun as a way to run one command: the smallest bundle that it takes, a root directory with nothing but the bench's
// own programs in it (they are static), in a new pid and mount namespace and the caller's cgroup.

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { floorProgram } from './floor.mjs'
import { cgroup2Mount } from './pen.mjs'

const PROGRAMS = ['print-clock', 'sleepers']
const SYSTEM_CGROUPS = '/sys/fs/cgroup'

let serial = 0

/** The way as run-ways.mjs has them. The bundle is removed when this process exits. */
export function crunWay() {
  const directory = mkdtempSync(join(tmpdir(), 'corral-bench-crun-'))
  process.once('exit', () => rmSync(directory, { recursive: true }))
  const options = ['--root', join(directory, 'state'), '--cgroup-manager=disabled']
  return {
    enter: wordsToEnter(),
    keeps: 1,
    words(command) {
      const id = `corral-bench-${serial++}` // one that was killed is still in the state
      const bundle = writeBundle(join(directory, id), command)
      return ['crun', ...options, 'run', '--bundle', bundle, id]
    },
  }
}

function writeBundle(bundle, [program, ...args]) {
  const root = join(bundle, 'rootfs')
  for (const name of ['proc', 'dev']) mkdirSync(join(root, name), { recursive: true })
  for (const name of PROGRAMS) copyFileSync(floorProgram(name), join(root, name))
  const config = {
    ociVersion: '1.0.0',
    process: { user: { uid: 0, gid: 0 }, cwd: '/', args: [`/${basename(program)}`, ...args] },
    root: { path: 'rootfs' },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }] },
  }
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config))
  return bundle
}

/**
 * crun refuses to start in the hybrid layout, also when it is to leave cgroups alone. So there it gets a mount
 * namespace of its own, outside of what is measured, in which it looks as if there were only cgroup2.
 */
export function wordsToEnter() {
  const mount = cgroup2Mount()
  if (mount === SYSTEM_CGROUPS) return []
  const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', mount, SYSTEM_CGROUPS]
}
