// A pen that the test itself is in: without cgroups of the library's, who is to be counted has to be in there from the start.
import { readFile, readlink, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { findCgroupPlace } from '../../src/cgroup/mount.js'
import { wardenPath } from '../../src/native.js'
import type { Pen } from './pen.js'

const EXEC_MS = 20

/**
 * By its name, which it has up to its end. A program that has just been executed runs on its own memory for a moment before the
 * kernel gives it its own name (fs/exec.c, begin_new_exec), so what it executes says more; where that cannot be read, which may
 * be for the same moment, it is asked for its name again.
 */
async function isWarden(pid: number, again = true): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  if (!/^corral-(?:warden|keeper|holder|spawner)\n$/.test(name)) return false
  const program = await readlink(`/proc/${pid}/exe`).catch(() => undefined)
  if (program !== undefined) return [wardenPath(), process.execPath].includes(program)
  if (!again) return true
  await sleep(EXEC_MS)
  return isWarden(pid, false)
}

/** Pids without those of keepers and holders. */
export async function withoutWardens(pids: number[]): Promise<number[]> {
  const wardens = await Promise.all(pids.map((pid) => isWarden(pid)))
  return pids.filter((_, index) => !wardens[index])
}

/** And without that of the gateway. */
export async function withoutGateway(pids: number[], gateway = process.pid): Promise<number[]> {
  return (await withoutWardens(pids)).filter((pid) => pid !== gateway)
}

/** Goes into the pen, and out of it when `use` is over, or the pen is killed. The pen's members are those of the sessions. */
export async function penned(pen: Pen, use: (pen: Pen) => Promise<void>): Promise<void> {
  const { ownDirectory } = findCgroupPlace()
  if (ownDirectory === undefined) throw new Error('no cgroup2 shows the cgroup of this process')
  const enter = (directory: string) => writeFile(`${directory}/cgroup.procs`, String(process.pid))
  await enter(pen.path)
  try {
    await use({
      ...pen,
      members: async () => withoutGateway(await pen.members()),
      everybody: async () => (await pen.everybody()).filter((pid) => pid !== process.pid),
      kill: async () => {
        await enter(ownDirectory)
        await pen.kill()
        await enter(pen.path)
      },
    })
  } finally {
    await enter(ownDirectory)
  }
}
