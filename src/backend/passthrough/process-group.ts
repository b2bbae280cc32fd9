// A process group that was made for a child (`detached`): it outlives its leader, as long as a process is in it. While that is
// so, the kernel gives its number to no other; so once it was found empty, it is left alone for good.
import { readdirSync } from 'node:fs'
import { systemCodeOf } from '../../common/errors.js'
import { parseStat, procText } from '../../linux/proc-file.js'

export class ProcessGroup {
  readonly #id: number
  #empty = false

  constructor(id: number) {
    this.#id = id
  }

  look(): string | undefined {
    return this.#empty ? '' : lookAtGroup(this.#id)
  }

  signal(number: number): void {
    if (!this.#empty) this.#empty = !send(-this.#id, number)
  }

  isAlive(): boolean {
    this.signal(0)
    // Linux has those in it that wait to be reaped, which a container without an init never does
    if (!this.#empty && process.platform === 'linux') this.#empty = membersOf(this.#id).length === 0
    return !this.#empty
  }
}

/**
 * Who is in a process group, with how often each was switched to, where the system tells (Linux): two looks that are the same found
 * none at work in between. Undefined while one runs, or waits for a disk. As native/core/calm.h.
 */
function lookAtGroup(group: number): string | undefined {
  if (process.platform !== 'linux') return ''
  const members = membersOf(group)
  if (members.some(({ state }) => state === 'R' || state === 'D')) return undefined
  return members.map(({ pid }) => `${pid} ${switchesOf(pid)}`).join('\n')
}

const switchesOf = (pid: string) =>
  [...procText(`/proc/${pid}/status`).matchAll(/ctxt_switches:\t(\d+)/g)].map(([, count]) => count).join(' ')

/** False when no process is left to be signalled. @throws a system error when it is refused. */
export function send(pid: number, signal: number): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ESRCH') return false
    if (pid > 0 || code !== 'EPERM') throw error
    return process.platform !== 'darwin' // macOS answers so for a group of which only zombies are left
  }
}

/** Those that live. */
function membersOf(group: number): { pid: string; state: string }[] {
  return readdirSync('/proc').flatMap((pid) => {
    const { state, ...stat } = parseStat(/^\d+$/.test(pid) ? procText(`/proc/${pid}/stat`) : '')
    return stat.group === group && state !== 'Z' && state !== 'X' ? [{ pid, state }] : []
  })
}
