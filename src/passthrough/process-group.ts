// A process group that was made for a child (`detached`): it outlives its leader, as long as somebody is in it. While that is
// so, the kernel gives its number to no other; so once it was found empty, it is left alone for good.
import { readdirSync, readFileSync } from 'node:fs'
import { isSystemError, systemCodeOf } from '../errors.js'

export class ProcessGroup {
  readonly #id: number
  #empty = false

  constructor(id: number) {
    this.#id = id
  }

  signal(number: number): void {
    if (!this.#empty) this.#empty = !send(-this.#id, number)
  }

  isAlive(): boolean {
    this.signal(0)
    // Linux has those in it that wait to be reaped, which a container without an init never does
    if (!this.#empty && process.platform === 'linux') this.#empty = !hasLiving(this.#id)
    return !this.#empty
  }
}

/** False when there is nobody to be signalled. @throws a system error when it is refused. */
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

/** By proc_pid_stat(5): the state is field 3, the group field 5. */
function hasLiving(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(pgrp) === group && state !== 'Z' && state !== 'X'
    } catch (error) {
      if (isSystemError(error)) return false // it has just gone
      throw error
    }
  })
}
