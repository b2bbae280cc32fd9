// A bundle for crun whose root is the host's own: every directory of it is mounted into an empty one, but /proc, which
// belongs to the new pid namespace. The container stays in the cgroup of its caller.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CAPABILITIES = [
  'CAP_SYS_ADMIN',
  'CAP_SYS_PTRACE',
  'CAP_SETUID',
  'CAP_SETGID',
  'CAP_KILL',
  'CAP_DAC_OVERRIDE',
]

/** Where bundles and the state of their containers, or of other ways, are kept; removed when this process exits. */
export function scratchDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'corral-bench-escape-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Writes the bundle of one command; returns its path. */
export function writeHostBundle(bundle, { command, args }) {
  const root = join(bundle, 'rootfs')
  mkdirSync(join(root, 'proc'), { recursive: true })
  const mounts = [{ destination: '/proc', type: 'proc', source: 'proc' }]
  for (const entry of readdirSync('/', { withFileTypes: true })) {
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(`/${entry.name}`), join(root, entry.name))
    if (!entry.isDirectory() || entry.name === 'proc') continue
    mkdirSync(join(root, entry.name))
    mounts.push({ destination: `/${entry.name}`, type: 'bind', source: `/${entry.name}`, options: ['rbind'] })
  }
  const env = Object.entries(process.env).map(([name, value]) => `${name}=${value}`)
  const capabilities = Object.fromEntries(
    ['bounding', 'effective', 'permitted'].map((set) => [set, CAPABILITIES]),
  )
  const config = {
    ociVersion: '1.0.0',
    process: { user: { uid: 0, gid: 0 }, cwd: '/', args: [command, ...args], env, capabilities },
    root: { path: 'rootfs' },
    mounts,
    linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }] },
  }
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config))
  return bundle
}
