// A pen that the test itself is in: without cgroups of their own, the sessions that it starts are in there with it.
import { readlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { findCgroupPlace } from '../../src/cgroup/mount.js'
import { wardenPath } from '../../src/native.js'
import type { Pen } from './pen.js'

const WARDEN = path.basename(wardenPath())

/** Neither we nor those that hold sessions are members. */
async function isSession(pid: number): Promise<boolean> {
  if (pid === process.pid) return false
  return path.basename(await readlink(`/proc/${pid}/exe`).catch(() => '')) !== WARDEN
}

export async function enterPen(pen: Pen): Promise<{ pen: Pen; leave(): Promise<void> }> {
  const { ownDirectory } = findCgroupPlace()
  if (ownDirectory === undefined) throw new Error('no cgroup2 shows the cgroup of this process')
  const enter = (directory: string) => writeFile(`${directory}/cgroup.procs`, String(process.pid))
  const others = async (pids: number[], wanted: (pid: number) => Promise<boolean>) => {
    const flags = await Promise.all(pids.map(wanted))
    return pids.filter((_, index) => flags[index])
  }
  await enter(pen.path)
  return {
    pen: {
      ...pen,
      members: async () => others(await pen.members(), isSession),
      everybody: async () => (await pen.everybody()).filter((pid) => pid !== process.pid),
      kill: async () => {
        await enter(ownDirectory)
        await pen.kill()
        await enter(pen.path)
      },
    },
    leave: () => enter(ownDirectory),
  }
}
