// A pen that the test itself is in: without cgroups of the library's, who is to be counted has to be in there from the start.
import { readFile, readlink } from 'node:fs/promises'
import { wardenPath } from '../../src/native/addon.js'
import { stays } from './eventually.js'
import type { Pen } from './pen.js'

// How long a program that is being executed may take for its own name
const EXEC_MS = 20

/** A warden is known by its name, which it has up to its end, and the program that it executes. True also of what has ended. */
async function isWarden(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined)
  if (name === undefined) return true
  if (!/^corral-(?:warden|keeper|holder|spawner)\n$/.test(name)) return false
  const program = await readlink(`/proc/${pid}/exe`).catch(() => undefined)
  return program === undefined || [wardenPath(), process.execPath].includes(program)
}

/**
 * Looked at for a while: whoever waits for an exec is let go on before the new program has its own memory and name (fs/exec.c:
 * exec_mmap() in begin_new_exec()).
 */
const isOfSession = (pid: number): Promise<boolean> =>
  stays(() => isWarden(pid), { forMs: EXEC_MS, why: 'an exec is over' }).then(
    () => false,
    () => true,
  )

/** Pids without those of keepers and holders. */
export async function withoutWardens(pids: number[]): Promise<number[]> {
  const ofSessions = await Promise.all(pids.map((pid) => isOfSession(pid)))
  return pids.filter((_, index) => ofSessions[index])
}

/** And without that of the gateway. */
export async function withoutGateway(pids: number[], gateway = process.pid): Promise<number[]> {
  return (await withoutWardens(pids)).filter((pid) => pid !== gateway)
}

/** Goes into the pen, and out of it when `use` is over, or the pen is killed. The pen's members are those of the sessions. */
export async function penned(pen: Pen, use: (pen: Pen) => Promise<void>): Promise<void> {
  let leave = await pen.enter()
  const inside: Partial<Pen> = {
    members: async () => withoutGateway(await pen.members()),
    everybody: async () => (await pen.everybody()).filter((pid) => pid !== process.pid),
    kill: async () => {
      await leave()
      await pen.kill()
      leave = await pen.enter()
    },
  }
  try {
    // Not a copy, in which the path would have been asked for
    await use(Object.assign(Object.create(pen) as Pen, inside))
  } finally {
    await leave()
  }
}
