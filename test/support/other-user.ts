// Another, ordinary user of the machine, and what that one runs.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

/** No account is needed: a uid is. */
export const OTHER_UID = 1234

export const ONLY_ROOT = 'only root can become another user'
export const isRoot = process.getuid?.() === 0

export type OtherProcess = ChildProcessByStdio<Writable, Readable, Readable>

/** Starts a command as that user; it is killed when the test is over with what it has started, should any of that still run. */
export function asOther(command: string, args: readonly string[], uid = OTHER_UID): OtherProcess {
  const become = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--', command, ...args]
  const child = spawn('setpriv', become, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    detached: true, // so that its process group is its own
  })
  child.stdin.on('error', () => undefined) // it may have ended without reading
  onTestFinished(() => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  })
  return child
}

/** Runs a shell script as that user to its end. */
export async function otherShell(script: string, args: readonly string[] = [], uid = OTHER_UID) {
  const child = asOther('/bin/sh', ['-c', script, ...args], uid)
  child.stdin.end()
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { status, stdout, stderr }
}
