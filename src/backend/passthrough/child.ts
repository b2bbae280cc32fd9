// A child process of Node's, with the process group that it was given, if any (`detached`, not on Windows).
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import path from 'node:path'
import { childProcess } from '../../common/builtins.js'
import { failure, isSystemError, SpawnError, systemCodeOf } from '../../common/errors.js'
import type { NativeExit } from '../../native/addon.js'
import type { NativeStdio } from '../../native/plan.js'
import { UNREAD_BYTES, whenClosed } from '../output-stream.js'
import type { ProcessHandle, ProcessPlan } from '../spawned.js'
import { ProcessGroup, send } from './process-group.js'
import { Relay } from './relay.js'

const { SIGCONT, SIGKILL, SIGTERM } = constants.signals

export class PassthroughChild implements ProcessHandle {
  readonly pid: number
  readonly name: string
  /** Settles when it has ended. */
  readonly exited: Promise<NativeExit>
  running = true
  readonly #child: ChildProcess
  readonly #group: ProcessGroup | undefined
  /** Further descriptors that were asked for: they go both ways. */
  readonly #asked = new Set<number>()
  /** In place of its output, from when it is asked for or the process has ended. */
  readonly #relays = new Map<number, Relay>()

  private constructor(child: ChildProcess, pid: number, plan: ProcessPlan) {
    this.#child = child
    this.pid = pid
    this.name = path.basename(plan.command)
    this.#group = plan.detached && !isWindows() ? new ProcessGroup(pid) : undefined
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.running = false
        this.#group?.isAlive() // to know it at once when it is empty
        this.#keepOutput() // now: in its next tick Node throws away what is unread
        resolve({ code: code ?? -1, signal: signal === null ? 0 : constants.signals[signal] })
      })
    })
  }

  /** @throws SpawnError when the command cannot be started. */
  static async start(plan: ProcessPlan): Promise<PassthroughChild> {
    try {
      const child = childProcess().spawn(plan.command, plan.argv.slice(1), {
        argv0: plan.argv[0],
        cwd: plan.cwd,
        env: plan.env && environment(plan.env),
        stdio: plan.stdio.map(stdioEntry) as StdioOptions,
        detached: plan.detached,
        uid: plan.uid,
        gid: plan.gid,
        windowsHide: true,
      })
      const spawned = once(child, 'spawn')
      const made = child.pid === undefined ? undefined : new PassthroughChild(child, child.pid, plan)
      await spawned // else it rejects with the child's 'error'
      child.on('error', () => undefined) // of later steps: each is told by what it returns
      if (made) return made
      throw new Error('it has no pid')
    } catch (error) {
      const hint = await spawnHint(plan, error)
      throw failure(SpawnError, `'${plan.command}' cannot be started`, error, hint)
    }
  }

  get descriptors(): number {
    return this.#child.stdio.length
  }

  stream(index: number): Socket | null {
    if (index === 1 || index === 2) return this.#relay(index)
    this.#asked.add(index)
    return this.#relays.get(index) ?? (this.#child.stdio[index] as Socket | null | undefined) ?? null
  }

  #relay(index: number): Relay | null {
    const stream = this.#child.stdio[index] as Socket | null | undefined
    const relay = this.#relays.get(index) ?? (stream ? new Relay(stream) : null)
    if (relay) this.#relays.set(index, relay)
    return relay
  }

  #keepOutput(): void {
    for (const index of this.#child.stdio.keys())
      if (index > 0 && !this.#asked.has(index)) this.#relay(index)?.keep(UNREAD_BYTES)
  }

  /** Node has opened them all. */
  discard(): void {}

  /** While it runs its pid is its own: it is reaped in the same step in which its exit is told. */
  signal(number: number): boolean {
    return this.running && send(this.pid, number)
  }

  ref(): void {
    this.#child.ref()
  }

  unref(): void {
    this.#child.unref()
  }

  ended(): void {}

  keepUnread(): Promise<void>[] {
    const further = [...this.#asked].flatMap((index) => this.stream(index) ?? [])
    return [...[...this.#relays.values()].map(({ whole }) => whole), ...further.map(whenClosed)]
  }

  isWhole(): boolean {
    return [...this.#relays.values()].every((relay) => relay.isWhole)
  }

  sessionOver(): void {
    for (const relay of this.#relays.values()) relay.keep(Number.POSITIVE_INFINITY)
  }

  /** Whether it runs, or another process of its process group does. */
  isAlive(): boolean {
    return this.running || (this.#group?.isAlive() ?? false)
  }

  /** Asks all of it to end. On Windows there is no way to ask but the end of stdin: SIGTERM would end it at once. */
  ask(stopSignal = SIGTERM): void {
    if (isWindows()) this.#endInput()
    else for (const signal of [stopSignal, SIGCONT]) this.#sendAll(signal)
  }

  /** Of what it left in its process group: as ProcessGroup. */
  look(): string | undefined {
    return this.#group ? this.#group.look() : ''
  }

  kill(): void {
    this.#sendAll(SIGKILL)
  }

  #endInput(): void {
    const { stdin } = this.#child
    if (!stdin || stdin.destroyed) return
    stdin.on('error', () => undefined) // one that does not read makes this fail
    stdin.end()
  }

  #sendAll(signal: number): void {
    try {
      if (this.#group) this.#group.signal(signal)
      else this.signal(signal)
    } catch (error) {
      if (!isSystemError(error)) throw error // it may not be signalled: found alive when the time is over
    }
  }
}

const isWindows = () => process.platform === 'win32'

function stdioEntry(entry: NativeStdio): number | 'ignore' | 'pipe' {
  return typeof entry === 'number' || entry === 'ignore' ? entry : 'pipe'
}

function environment(entries: readonly string[]): Record<string, string> {
  const pairs = entries.map((entry) => {
    const equals = entry.indexOf('=', 1) // Windows has names that begin with one
    return [entry.slice(0, equals), entry.slice(equals + 1)]
  })
  return Object.fromEntries(pairs)
}

async function spawnHint({ cwd }: ProcessPlan, error: unknown): Promise<string | undefined> {
  const code = systemCodeOf(error)
  if (code === 'ENOENT' && cwd !== undefined && !(await exists(cwd)))
    return `Create the directory ${cwd}, or choose another cwd`
  if (code === 'EAGAIN') return 'Raise the limit on processes that was reached: RLIMIT_NPROC'
  return undefined
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
