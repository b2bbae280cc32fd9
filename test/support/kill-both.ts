// A gateway and its guard killed together, so that what they leave is left to the next sweep. One after the other will
// not do: a gateway replaces its guard, and a guard collects after its gateway.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isPopulated } from './cgroup-tree.js'
import { eventually } from './eventually.js'
import { killAll } from './pen.js'

/** The group of an instance's guard. */
export const guardGroup = (root: string, instance: string) => join(root, 'corral', instance, 'warden')

async function states(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const statuses = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, 'utf8'))
  return (await Promise.all(statuses)).map((status) => /^State:\t(\S)/m.exec(status)?.[1] ?? '')
}

/** Stops a process; resolves once none of its threads runs, for the signal alone stops nobody yet. */
async function stop(gateway: ChildProcess): Promise<void> {
  const { pid } = gateway
  if (pid === undefined || !gateway.kill('SIGSTOP')) throw new Error('there is no gateway to be stopped')
  await eventually(`${pid} is stopped`, async () => (await states(pid)).every((state) => state === 'T'), {
    everyMs: 1,
    instead: () => states(pid),
  })
}

/** Resolves once both are dead and the gateway is reaped; rejects when there was no guard in place to be killed. */
export async function killBoth(gateway: ChildProcess, root: string, instance: string): Promise<void> {
  const guard = guardGroup(root, instance)
  const exited = once(gateway, 'exit')
  try {
    await eventually(`a guard lives in ${guard}`, () => isPopulated(guard))
    await stop(gateway)
    if (!(await isPopulated(guard))) throw new Error(`no guard lives in ${guard}: the gateway has lost it`)
    await killAll(guard)
  } finally {
    gateway.kill('SIGKILL')
  }
  await exited
}
