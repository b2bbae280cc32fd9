// corral-warden as a child process, and what /proc tells of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished } from 'vitest'
import { wardenPath } from '../../../src/native/addon.js'
import { members } from '../../support/cgroup-tree.js'
import { eventually } from '../../support/eventually.js'
import { guardGroup } from '../../support/kill-both.js'
import type { Pen } from '../../support/pen.js'

/** Starts it with three pipes; it is killed when the test is over, should it still run. */
export function start(args: readonly string[]) {
  const child = spawn(wardenPath(), args, { stdio: 'pipe' })
  child.stdin.on('error', () => undefined)
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Runs it to its end. */
export async function warden(args: readonly string[]) {
  const child = start(args)
  child.stdin.end()
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { status, stdout, stderr }
}

/** That soon, with nobody doing anything about it, there is no process and no group in the pen. */
export async function expectNothingLeft(pen: Pen): Promise<void> {
  await eventually('nothing is left', async () => (await pen.groups()).length === 0, {
    instead: () => pen.groups(),
  })
  expect(await pen.everybody()).toEqual([])
}

/** The pid of an instance's guard. */
export async function guardOf(root: string, instance: string): Promise<number> {
  const [pid, ...others] = await members(guardGroup(root, instance))
  if (pid === undefined || others.length > 0)
    throw new Error(`${instance} has not one guard: ${pid} ${others}`)
  return pid
}

/** The fields of /proc/PID/stat after the name, proc_pid_stat(5); the first is the state, number 3 there. */
export function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** One line of /proc/PID/status. */
export function statusOf(pid: number, name: string): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
}

/** What each open descriptor is. */
export function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`
  return readdirSync(directory)
    .sort((a, b) => Number(a) - Number(b))
    .map((fd) => readlinkSync(`${directory}/${fd}`))
}
