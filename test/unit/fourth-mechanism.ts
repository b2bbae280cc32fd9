// A mechanism that holds processes which are only objects: what one has to write, and nothing more.
import type { EndPlan, Family, Fate, GroupEvent, GroupPlan } from '../../src/backend/backend.js'
import {
  BaseBackend,
  BaseFamily,
  BaseGroup,
  UnheldLimits,
  type UnheldOptions,
} from '../../src/backend/base.js'
import type { BackendName, Ended, Usage } from '../../src/backend/facts.js'
import type { ParsedLimits } from '../../src/backend/limits.js'
import type { ProcessHandle, ProcessPlan, SpawnedProcess } from '../../src/backend/spawned.js'
import { SpawnError } from '../../src/common/errors.js'
import type { NativeExit } from '../../src/native/addon.js'

const SIGKILL = 9
let pids = 1_000_000

/** Ends by signals, unless it is `stubborn`, which only SIGKILL ends, or `immortal`, which nothing does. */
class MemoryProcess implements ProcessHandle {
  readonly pid = pids++
  readonly descriptors = 0
  readonly exited: Promise<NativeExit>
  readonly #command: string
  #exit!: (exit: NativeExit) => void
  isAlive = true

  constructor(command: string) {
    this.#command = command
    this.exited = new Promise((resolve) => {
      this.#exit = resolve
    })
  }

  exit(code: number, signal = 0): void {
    this.isAlive = false
    this.#exit({ code, signal })
  }

  signal(number: number): boolean {
    if (!this.isAlive) return false
    const ends = this.#command !== 'immortal' && (this.#command !== 'stubborn' || number === SIGKILL)
    if (ends && number !== 0) this.exit(-1, number)
    return true
  }

  stream = () => null
  discard(): void {}
  ref(): void {}
  unref(): void {}
  ended(): void {}
  keepUnread = () => []
  isWhole = () => true
  sessionOver(): void {}
}

export class MemoryGroup extends BaseGroup {
  readonly path: string
  readonly notHeld = []
  readonly limits: UnheldLimits
  readonly processes: MemoryProcess[] = []
  #listeners = new Set<(event: GroupEvent) => void>()
  /** What another program left that ended it. */
  word: Fate | undefined

  constructor(path: string, { limits, enforcement }: GroupPlan) {
    super()
    this.path = path
    this.limits = new UnheldLimits(limits, { enforcement, hint: HINT })
  }

  async spawn({ command }: ProcessPlan): Promise<SpawnedProcess> {
    if (command === 'missing') throw new SpawnError(`${command} cannot be started`, { errno: -2 })
    const handle = new MemoryProcess(command)
    this.processes.push(handle)
    return { pid: handle.pid, handle, createdInPlace: true, exited: handle.exited }
  }

  override watch(_subject: string, listener: (event: GroupEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(event: GroupEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  override fate(): Fate | undefined {
    return this.word
  }

  override usage(): Usage {
    return { pids: this.members().length }
  }

  members(): number[] {
    return this.processes.filter(({ isAlive }) => isAlive).map(({ pid }) => pid)
  }

  async end({ graceMs, stopSignal = 15 }: EndPlan): Promise<Ended> {
    if (graceMs > 0) for (const process of this.processes) process.signal(stopSignal)
    const killed = this.processes.filter(({ isAlive }) => isAlive)
    for (const process of killed) process.signal(SIGKILL)
    const left = this.members()
    const names = killed.map(({ pid }) => `memory-${pid}`)
    return { empty: left.length === 0, killed: { count: killed.length, names }, left, usage: {} }
  }
}

const HINT = 'Memory has no kernel'

class MemoryFamily extends BaseFamily<MemoryGroup> {
  readonly limits: UnheldLimits
  readonly path: string
  readonly #made: Map<string, MemoryGroup>

  constructor(path: string, limits: ParsedLimits, options: UnheldOptions, made: Map<string, MemoryGroup>) {
    super()
    this.path = path
    this.limits = new UnheldLimits(limits, options)
    this.#made = made
  }

  protected async make(plan: GroupPlan): Promise<MemoryGroup> {
    const group = new MemoryGroup(this.path, plan)
    this.#made.set(this.path, group)
    return group
  }
}

export class MemoryBackend extends BaseBackend {
  readonly name = 'memory' as BackendName
  readonly instance = 'm1'
  readonly limits: UnheldLimits
  /** By their paths. */
  readonly groups = new Map<string, MemoryGroup>()
  readonly #options: UnheldOptions

  constructor(limits: ParsedLimits, enforcement: UnheldOptions['enforcement']) {
    super()
    this.#options = { enforcement, hint: HINT }
    this.limits = new UnheldLimits(limits, { ...this.#options, over: 'all sessions' })
  }

  family(name: string, parent: Family | undefined, limits: ParsedLimits): Family {
    const path = `${(parent as MemoryFamily | undefined)?.path ?? ''}/${name}`
    return new MemoryFamily(path, limits, { ...this.#options, over: 'a family' }, this.groups)
  }
}
