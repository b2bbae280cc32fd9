// Where on this machine the tests may build cgroups: CORRAL_TEST_ROOT, else for root the cgroup2 mount, else
// for an ordinary user the cgroup that the tests run in, which has to be delegated to that user.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.js'

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

/** The value of that variable by which the tests build no cgroups, as where none can be made. */
const NONE = 'none'

/** Undefined where no cgroup can be made. Rejects, with what has to be done, where one was asked for that cannot be. */
export async function testParent(): Promise<string | undefined> {
  const named = process.env[ROOT_VARIABLE]
  if (named === NONE) return undefined
  if (named !== undefined) {
    if (await isWritable(named)) return named
    throw new Error(
      `${ROOT_VARIABLE} names a directory that is no cgroup2 or cannot be written: ${named}. ${remedy}`,
    )
  }
  const mount = cgroup2Mount(await readFile('/proc/self/mountinfo', 'utf8'))
  if (mount === undefined) return undefined
  const directory =
    process.getuid?.() === 0 ? mount.point : ownGroup(mount, await readFile('/proc/self/cgroup', 'utf8'))
  return (await isWritable(directory)) ? directory : undefined
}

/** Whether groups can be made in it, and processes put into these: permissions do not tell of all that forbids it, so it is tried. */
async function isWritable(directory: string): Promise<boolean> {
  const group = await mkdtemp(join(directory, 'corral-probe-')).catch(() => undefined)
  if (group === undefined) return false
  try {
    await promisify(execFile)('sh', ['-c', '[ -e "$0/cgroup.procs" ] && echo 0 >"$0/cgroup.procs"', group])
    return true
  } catch {
    return false
  } finally {
    await eventually(`${group} is removed`, () =>
      rmdir(group).then(
        () => true,
        () => false,
      ),
    )
  }
}

const remedy = `Name a cgroup2 directory that this user may write and that the tests run below, or ${NONE}; as root, or in a delegated
cgroup (systemd-run --user --scope --property Delegate=yes npm test), they find one without.`
