// The freezer of cgroup v1, where it is mounted and we may make cgroups in it.
import { accessSync, constants, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from './eventually.js'

const MOUNT = /^\S+ (\S+) cgroup \S*\bfreezer\b/m

/** Where it is mounted; undefined: there is none for us. */
export function freezerV1(): string | undefined {
  const [, mount] = MOUNT.exec(readFileSync('/proc/mounts', 'utf8')) ?? []
  if (mount === undefined || process.getuid?.() !== 0) return undefined
  try {
    accessSync(mount, constants.W_OK)
    return mount
  } catch {
    return undefined // mounted read-only
  }
}

export interface Freezer extends AsyncDisposable {
  state(): Promise<string>
}

/** A cgroup of these processes that is frozen; it is thawed and removed in the end, when they have gone or are moved out. */
export async function frozenV1(pids: readonly number[]): Promise<Freezer> {
  const mount = freezerV1() ?? ''
  const group = await mkdtemp(join(mount, 'corral-test-'))
  const state = async () => (await readFile(join(group, 'freezer.state'), 'utf8')).trim()
  for (const pid of pids) await writeFile(join(group, 'cgroup.procs'), `${pid}`)
  await writeFile(join(group, 'freezer.state'), 'FROZEN')
  await eventually('it is frozen', async () => (await state()) === 'FROZEN')
  return {
    state,
    [Symbol.asyncDispose]: async () => {
      await writeFile(join(group, 'freezer.state'), 'THAWED')
      for (const pid of (await readFile(join(group, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean))
        await writeFile(join(mount, 'cgroup.procs'), pid)
      await eventually('it can be removed', () =>
        rmdir(group).then(
          () => true,
          () => false,
        ),
      )
    },
  }
}
