// Where on this machine the tests may build cgroups: CORRAL_TEST_ROOT, else for root the cgroup2 mount, else
// for an ordinary user the cgroup that the tests run in, which has to be delegated to that user.
import { access, constants, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The variable that names the parent directory of all that the tests build. */
export const ROOT_VARIABLE = 'CORRAL_TEST_ROOT'

interface Mount {
  /** Which part of the hierarchy is mounted: `/` but for bind mounts and outer cgroup namespaces. */
  root: string
  point: string
}

// proc_pid_mountinfo(5): blanks, tabs, newlines and backslashes are written as three octal digits.
const unescaped = (field: string) =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

function cgroup2Mount(mountinfo: string): Mount | undefined {
  for (const line of mountinfo.split('\n')) {
    const [place = '', kind = ''] = line.split(' - ')
    const [, , , root, point] = place.split(' ')
    if (kind.split(' ')[0] === 'cgroup2' && root && point)
      return { root: unescaped(root), point: unescaped(point) }
  }
  return undefined
}

function ownGroup(mount: Mount, procCgroup: string): string {
  const within = /^0::(.*)$/m.exec(procCgroup)?.[1] ?? '/'
  const below = mount.root !== '/' && within.startsWith(mount.root) ? within.slice(mount.root.length) : within
  return join(mount.point, below)
}

/** Rejects with what has to be done when nothing can be built here. */
export async function testParent(): Promise<string> {
  const named = process.env[ROOT_VARIABLE]
  if (named) return writable(named, `${ROOT_VARIABLE} names a directory that cannot be written`)
  const mount = cgroup2Mount(await readFile('/proc/self/mountinfo', 'utf8'))
  if (!mount) throw new Error(`the tests need a writable cgroup2, and none is mounted here. ${remedy}`)
  if (process.getuid?.() === 0) return writable(mount.point, 'the cgroup2 mount cannot be written')
  const own = ownGroup(mount, await readFile('/proc/self/cgroup', 'utf8'))
  return writable(own, 'the cgroup of the tests is not delegated to this user')
}

const remedy = [
  'Run the tests as root, or in a delegated cgroup:',
  '  systemd-run --user --scope --property Delegate=yes npm test',
  `or set ${ROOT_VARIABLE} to a cgroup2 directory that this user may write and that the tests run below.`,
].join('\n')

async function writable(directory: string, complaint: string): Promise<string> {
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    await access(join(directory, 'cgroup.procs'), constants.W_OK)
    return directory
  } catch (cause) {
    throw new Error(`${complaint}: ${directory}. ${remedy}`, { cause })
  }
}
