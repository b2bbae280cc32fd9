// Programs and directories at which a start hangs: a real FUSE file system that does not answer, and a real lease.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiled } from './compile-payload.js'
import { line } from './line.js'

const payload = (name: string) => compiled(fileURLToPath(new URL(`payloads/${name}.c`, import.meta.url)))

/** Why there can be no such file system here; undefined: there can be. */
export function noHungFileSystem(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting takes root'
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return undefined
  } catch {
    return 'there is no /dev/fuse here'
  }
}

/** What a start is to be told, so that it hangs. */
export interface Hang {
  command: string
  cwd?: string
  env?: Record<string, string>
  /** What the error says that it was at. */
  syscall: string
  /** Whether a SIGKILL ends what hangs. */
  killable: boolean
}

/** What hangs, by what it is; the names of the hangs are the same in each. */
export class Hangs implements AsyncDisposable {
  readonly directory: string
  readonly #helpers: ChildProcess[] = []
  /** Who has asked the file system for anything. */
  readonly #asked = new Set<number>()

  private constructor(directory: string) {
    this.directory = directory
  }

  static async make(): Promise<Hangs> {
    const hangs = new Hangs(await mkdtemp(join(tmpdir(), 'corral-hangs-')))
    await mkdir(hangs.#mount)
    await hangs.#help('hung-fs', hangs.#mount, /^mounted/)
    return hangs
  }

  get #mount(): string {
    return join(this.directory, 'mount')
  }

  /** A program that is started from a directory of it. */
  workingDirectory(name = 'below'): Hang {
    return { command: 'true', cwd: join(this.#mount, name), syscall: 'chdir', killable: false }
  }

  program(): Hang {
    return { command: join(this.#mount, 'program'), syscall: 'exec', killable: false }
  }

  /** A script whose interpreter is on it. */
  async interpreter(): Promise<Hang> {
    const script = join(this.directory, 'script')
    await writeFile(script, `#!${join(this.#mount, 'interpreter')}\n`)
    await chmod(script, 0o755)
    return { command: script, syscall: 'exec', killable: false }
  }

  /** A program that is looked for on it first. */
  lookup(): Hang {
    return {
      command: 'true',
      env: { PATH: `${this.#mount}:${process.env['PATH']}` },
      syscall: 'exec',
      killable: false,
    }
  }

  /** A program that another process has under a lease. */
  async leased(): Promise<Hang> {
    const program = join(this.directory, 'leased')
    await copyFile('/bin/true', program)
    await chmod(program, 0o755)
    await this.#help('lease', program, /^leased/)
    return { command: program, syscall: 'exec', killable: true }
  }

  /** The pids of those that hang at the file system now. */
  hung(): number[] {
    return [...this.#asked].filter((pid) => waitsIn(pid, 'request_wait_answer'))
  }

  /** The pids of those that wait for a lease to end. */
  waitForLease(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && waitsIn(pid, 'break_lease'))
  }

  /** Has them all answer, or fail. */
  async release(): Promise<void> {
    for (const helper of this.#helpers.splice(0)) {
      const ended = once(helper, 'exit')
      helper.stdin?.end()
      await ended
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
    // The connection is gone with its server, so nothing waits for this
    const unmount = spawn('umount', ['-l', this.#mount], { stdio: 'ignore' })
    await once(unmount, 'exit')
    await rm(this.directory, { recursive: true })
  }

  async #help(name: string, file: string, ready: RegExp): Promise<void> {
    const helper = spawn(await payload(name), [file], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#helpers.push(helper)
    let said = ''
    helper.stdout.on('data', (more: Buffer) => {
      said += more.toString()
      for (const [, pid] of said.matchAll(/^asked by (\d+)$/gm)) this.#asked.add(Number(pid))
    })
    await line(helper.stdout, ready)
  }
}

export const HANGS = {
  'a working directory that hangs': (hangs: Hangs) => hangs.workingDirectory(),
  'a program that hangs': (hangs: Hangs) => hangs.program(),
  'a script whose interpreter hangs': (hangs: Hangs) => hangs.interpreter(),
  'a directory of PATH that hangs': (hangs: Hangs) => hangs.lookup(),
  'a program under a lease': (hangs: Hangs) => hangs.leased(),
} satisfies Record<string, (hangs: Hangs) => Hang | Promise<Hang>>

/** By the function of the kernel's: at the file system, the wait is interruptible up to the first signal, and in no way after it. */
function waitsIn(pid: number, place: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'utf8').endsWith(place)
  } catch {
    return false // gone
  }
}
