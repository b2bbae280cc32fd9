// How a process that acpx has started learns which session it is to enter: what acpx starts is always the same (admit.ts), as
// acpx takes up a session again only with the same command line; it asks here, and is told once acpx has told us its pid.
// native/core/admission.h says how, and whom each side believes.
import type { CommandLine } from '../../backend/spawned.js'
import { isSystemError } from '../../common/errors.js'
import { loadNative } from '../../native/addon.js'
import { PROTOCOL } from '../../native/protocol.js'
import { makeOwnDirectory, type OwnDirectory, removeOwnDirectory, sweepBeside } from './directory.js'

/** The variable that names the gateway and the directory of its socket: `PID:DIRECTORY`. */
export const ADMISSION_VARIABLE = 'CORRAL_ACPX'

export class Admission {
  readonly #directory: OwnDirectory
  readonly #socket: number
  readonly #swept: Promise<void>
  #closed = false

  /** @throws KernelError where there is no directory for it. */
  static async open(): Promise<Admission> {
    return new Admission(...makeOwnDirectory((path) => loadNative().openAdmission(path)))
  }

  private constructor(directory: OwnDirectory, socket: number) {
    this.#directory = directory
    this.#socket = socket
    // Nobody waits for it: others can fill the place with names
    this.#swept = sweepBeside(directory).catch((error) => {
      if (!isSystemError(error)) throw error
    })
  }

  /** What ADMISSION_VARIABLE has to be for the processes to find us. */
  get name(): string {
    return `${process.pid}:${this.#directory.path}`
  }

  /** Tells this process, a child of ours, now or when it asks, what to become. */
  admit(pid: number, line: CommandLine): void {
    if (!this.#closed) loadNative().admit(this.#socket, pid, JSON.stringify({ protocol: PROTOCOL, ...line }))
  }

  /** It has ended: another may have its pid. */
  forget(pid: number): void {
    if (!this.#closed) loadNative().forget(this.#socket, pid)
  }

  /** Processes that still wait give up. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    loadNative().closeAdmission(this.#socket)
    removeOwnDirectory(this.#directory)
    await this.#swept
  }
}
