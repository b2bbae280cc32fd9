// What a ledger says of sessions from now on: by whom others' sessions are told how they ended (docs/ledger.md).
import { createReadStream, statSync } from 'node:fs'
import { now, sleep } from '../common/clock.js'
import { isSystemError } from '../common/errors.js'
import type { LedgerLine } from '../ledger/line.js'
import { Reader } from '../ledger/read.js'

export type Ending = Pick<LedgerLine, 'reason' | 'exitCode' | 'signal'>

// An owner that does not write into this ledger is not waited for longer
const WRITTEN_MS = 1000
const LOOK_MS = 20

const UNKNOWN: Ending = { reason: null, exitCode: null, signal: null }

/** Rotated files begin anew; one that is not there yet may come. */
function sizeOf(file: string): number {
  try {
    return statSync(file).size
  } catch (error) {
    if (isSystemError(error)) return 0
    throw error
  }
}

export class LedgerTail {
  readonly #file: string | undefined
  readonly #lines = new Map<string, LedgerLine>()
  readonly #reader = new Reader((line) => this.#lines.set(`${line.instance} ${line.key}`, line))
  #at: number
  #reading = Promise.resolve()

  /** Without a file nothing is known. */
  constructor(file: string | undefined) {
    this.#file = file
    this.#at = file === undefined ? 0 : sizeOf(file)
  }

  /** How a session ended that is over. Who writes that does so before it removes a cgroup, or soon after its reaper has ended. */
  async endingOf(instance: string, key: string | undefined): Promise<Ending> {
    const name = `${instance} ${key}`
    const deadline = now() + (this.#file === undefined ? 0 : WRITTEN_MS)
    for (;;) {
      this.#reading = this.#reading.then(() => this.#readOn())
      await this.#reading
      if (this.#lines.has(name) || now() >= deadline) break
      await sleep(LOOK_MS)
    }
    const { reason, exitCode, signal } = this.#lines.get(name) ?? UNKNOWN
    this.#lines.delete(name)
    return { reason, exitCode, signal }
  }

  async #readOn(): Promise<void> {
    if (this.#file === undefined) return
    const size = sizeOf(this.#file)
    if (size < this.#at) this.#at = 0
    if (size === this.#at) return
    await this.#reader.read(createReadStream(this.#file, { start: this.#at, end: size - 1 }))
    this.#at = size
  }
}
