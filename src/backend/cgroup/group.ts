// One group of processes: a cgroup with its limits, and the one below it that they are in, from their making to their removal.

import { watch } from 'node:fs'
import path, { dirname } from 'node:path'
import { getSystemErrorName } from 'node:util'
import type { Cancellation } from '../../common/cancellation.js'
import {
  explained,
  failure,
  isGone,
  isSystemError,
  KernelError,
  type SpawnError,
  systemCodeOf,
} from '../../common/errors.js'
import { type Native, wardenPath } from '../../native/addon.js'
import { packPlan } from '../../native/plan.js'
import type { EndPlan, Enforcement, Fate, Group, GroupEvent, GroupPlan, LimitSet } from '../backend.js'
import type { AppliedLimit, Ended, OutOfMemory, RaisedLimit, Usage } from '../facts.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import { NativeHandle } from '../native-handle.js'
import { isHeldByLoginMark, othersOf } from '../others.js'
import type { CommandLine, ProcessPlan, SpawnedProcess } from '../spawned.js'
import { type Starts, spawnError } from '../starts.js'
import type { Watchdog } from '../watchdog.js'
import { Watches } from '../watches.js'
import { Claim, LOCKS } from './claim.js'
import {
  assertEnforceable,
  changeLimits,
  type LimitPath,
  limitPaths,
  limitSettings,
  raisedLimits,
  readLimits,
  sessionSettings,
  unenforceable,
} from './controllers/apply.js'
import type { Controller } from './controllers/controller.js'
import { counterFiles, parseUsage, readUsage } from './controllers/usage.js'
import { enterWords } from './entry.js'
import { watchHits } from './hits.js'
import type { MemoryV1 } from './memory-v1.js'
import type { OomAccount } from './oom.js'
import { watchPressure } from './pressure.js'
import { watchRaises } from './raises.js'
import type { Remover } from './removal.js'
import { groupSteps } from './steps.js'
import { reapStrays } from './strays.js'

/** What all groups of one backend share. */
export interface GroupContext extends Remover {
  controllers: Controller[]
  /** Go the way of kernels and seccomp filters that refuse clone3. */
  noClone3: boolean
  starts: Starts
  startTimeoutMs: number
  /** Absent where no controller holds memory. */
  oom: OomAccount | undefined
  /** Where cgroup v2 has no memory controller, and v1 has. */
  memoryV1: MemoryV1 | undefined
  watchdog: Watchdog
  /** Whether sessions can be marked: native/core/mark.h. */
  marks: boolean
  /** Whether they bear their mark as a login uid, too. */
  loginMark: boolean
  enforcement: Enforcement
  /** Of the groups that live, by their paths: a cap above them can be one that they have to be watched for. */
  watches: Map<string, Watches>
}

export class CgroupGroup implements Group {
  readonly path: string
  readonly limits: LimitSet = {
    get: () => this.#readLimits(),
    set: (changes) => this.#setLimits(changes),
  }
  readonly #watches = new Watches()
  /** Of whom it is the session; undefined: ours. */
  #user: { uid: number | undefined; gid: number | undefined } = { uid: undefined, gid: undefined }
  #wanted: ParsedLimits
  readonly #context: GroupContext
  readonly #release: (removed: boolean) => Promise<void>
  /** Who ends it from outside. */
  #claim: Claim | undefined
  /** Whether end() has taken the directory away. */
  #removed = false
  /** The first process, and how it is reached as long as it runs. */
  #leader: NativeHandle | undefined

  /** Whether the addon expects an end of it. */
  #announced = false
  /** The pidfd of the first that entered, which is ours to close. */
  #entered: number | undefined

  /** Pids of those whose exits are told. */
  readonly #awaited = new Set<number>()

  /** Makes nothing yet: start() does. `release` takes away the directory, unless it is `removed`, and what held it. */
  constructor(
    path: string,
    limits: ParsedLimits,
    context: GroupContext,
    release: (removed: boolean) => Promise<void>,
  ) {
    this.path = path
    this.#wanted = limits
    this.#context = context
    this.#release = release
  }

  /**
   * In one transaction: does `steps`, which make the way to the group, makes it, sets its limits, reads them back, and
   * starts the leader in it. On failure nothing is left of it.
   */
  async start(
    steps: string,
    plan: GroupPlan,
    leader: ProcessPlan,
    cancel: Cancellation,
  ): Promise<SpawnedProcess> {
    this.#user = { uid: leader.uid, gid: leader.gid }
    const started = await this.#spawn(leader, steps + this.#steps(plan), cancel)
    this.#leader = started.handle
    return started
  }

  /** In one transaction: does `steps`, makes the group, sets its limits, and reads them back. */
  async prepare(steps: string, plan: GroupPlan, cancel: Cancellation): Promise<void> {
    const { starts, noClone3 } = this.#context
    const nobody = { command: '', argv: [], stdio: [], urgent: true }
    const make = steps + this.#steps(plan)
    try {
      await starts.begin(packPlan(nobody, { group: this.path, make, noClone3 }), cancel).started
    } catch (error) {
      throw this.#makeError(error)
    }
  }

  #steps(plan: GroupPlan): string {
    const { controllers, enforcement } = this.#context
    assertEnforceable(plan.limits, controllers, { enforcement, path: this.path })
    const settings = [...sessionSettings(controllers), ...limitSettings(plan.limits, controllers)]
    return groupSteps(this.path, plan.labels, settings, controllers)
  }

  spawn(plan: ProcessPlan, cancel: Cancellation): Promise<SpawnedProcess> {
    return this.#spawn(plan, '', cancel)
  }

  get notHeld(): readonly string[] {
    const { uid, gid } = this.#user
    const { loginMark } = this.#context
    return [
      ...(this.#context.marks ? [] : [NO_MARK]),
      ...othersOf('cgroup', uid, gid).filter((one) => !loginMark || !isHeldByLoginMark(one)),
    ]
  }

  #readLimits(): AppliedLimit[] {
    return readLimits(this.path, this.#wanted, this.#context.controllers).map((limit) =>
      limit.name === 'memoryMax' && limit.enforcedBy === 'none' ? watched(limit) : limit,
    )
  }

  #setLimits(changes: LimitChanges): void {
    const { controllers, enforcement } = this.#context
    const wanted = changedLimits(this.#wanted, changes)
    assertEnforceable(changes, controllers, { enforcement, path: this.path })
    changeLimits(this.path, changes, controllers)
    this.#wanted = wanted
    this.#watches.arm()
  }

  async #spawn(
    plan: ProcessPlan,
    make: string,
    cancel: Cancellation,
  ): Promise<SpawnedProcess & { handle: NativeHandle }> {
    const { native, noClone3, loginMark, starts } = this.#context
    try {
      const born = { group: this.path, memoryGroup: this.#memoryGroup(), make, noClone3, loginMark }
      const { started, exited } = starts.begin(packPlan(plan, born), cancel)
      const [pid, pidfd, createdInPlace, ...fds] = await started
      this.#awaited.add(pid)
      void exited.then(() => {
        this.#awaited.delete(pid)
        void this.#reapStrays(false)
      })
      return { pid, handle: new NativeHandle(native, pidfd, fds), createdInPlace, exited }
    } catch (error) {
      throw isMaking(error) ? this.#makeError(error) : this.#spawnError(plan, error)
    }
  }

  #reapStrays(empty: boolean): Promise<void> {
    return reapStrays(this.#context.native, this.path, this.#awaited, empty)
  }

  #memoryGroup(): string | undefined {
    return this.#context.memoryV1?.v1Path(this.path)
  }

  #makeError(error: unknown): KernelError {
    const hint = makeHint(systemCodeOf(error))
    return failure(KernelError, 'the session cgroup cannot be made', error, hint)
  }

  #spawnError(plan: ProcessPlan, error: unknown): SpawnError {
    return spawnError(plan.command, error, this.#context.startTimeoutMs, this.#spawnHint(error))
  }

  #spawnHint(error: unknown): string | undefined {
    if (isGone(error) && isSystemError(error) && error.path === this.path)
      return 'Start another session: another program has removed the cgroup of this one'
    switch (systemCodeOf(error)) {
      case 'EAGAIN':
        return 'Raise the limit on processes that was reached: pidsMax, or RLIMIT_NPROC'
      case 'ECANCELED':
        return 'Start another session: this one was killed'
      case 'EBUSY':
        return 'Thaw the session, which is frozen (cgroup.freeze), or close it'
      default:
        return undefined
    }
  }

  willEnd(): void {
    if (!this.#announced) this.#context.native.announceEnd(1)
    this.#announced = true
  }

  async end({ graceMs, stopSignal = 0, killTimeoutMs, drainMs = 0, keeps = false }: EndPlan): Promise<Ended> {
    const { native, killMethod, controllers, memoryV1 } = this.#context
    const paths = limitPaths(this.path, this.#wanted, controllers)
    const used = counterFiles(this.path, controllers)
    const claim = this.#claim
    this.willEnd()
    await undefined // the others that are ended with this one have announced it by then
    this.#announced = false // the end is in the addon's hands
    const leader = this.#leader?.pidfd ?? this.#entered
    try {
      const ended = await native.endGroup(this.path, {
        drainMs,
        graceMs,
        stopSignal,
        killMs: killTimeoutMs,
        freeze: killMethod === 'freeze',
        remove: !keeps,
        outside: true,
        announced: true,
        ...(leader !== undefined && { leader }),
        read: [...used, ...paths.map(({ path }) => path), ...(claim ? [LOCKS] : [])],
      })
      const { empty, killed, names, left, counters, moved, unseen } = ended
      if (empty && !keeps) await memoryV1?.remove([this.path])
      await this.#reapStrays(empty)
      this.#removed ||= empty && !keeps
      const limitsRaised = raisedLimits(this.#wanted, paths, counters.slice(used.length))
      const others = claim?.killed(counters.at(-1) ?? '') ?? 0
      return {
        empty,
        killed: { count: Math.max(killed, others), names },
        left,
        usage: parseUsage(controllers, counters.slice(0, used.length)),
        ...(keeps && { account: { group: this.path, memoryGroup: this.#memoryGroup() } }),
        ...(moved.length > 0 && { moved }),
        ...(unseen !== undefined && { notHeld: [unseenOutside(unseen)] }),
        ...(limitsRaised.length > 0 && { limitsRaised }),
      }
    } catch (error) {
      throw failure(KernelError, 'the session cannot be ended', error, endHint(systemCodeOf(error)))
    }
  }

  usage(): Usage {
    return readUsage(this.path, this.#context.controllers)
  }

  watch(subject: 'limits' | 'fate', listener: (event: GroupEvent) => void): () => void {
    return subject === 'fate' ? this.#watchFate(listener) : this.#watchLimits(listener)
  }

  /** Each watch costs an inotify watch or a descriptor, so there is none for what cannot come. */
  #watchLimits(listener: (event: GroupEvent) => void): () => void {
    const { native, controllers, watches } = this.#context
    const paths = () => limitPaths(this.path, this.#wanted, controllers)
    const stop = this.#watches.add([
      () =>
        Object.keys(this.#wanted).length > 0
          ? watchHits(this.path, (hit) => listener({ event: 'limit-hit', hit }))
          : undefined,
      () =>
        paths().some(({ inV2 }) => inV2)
          ? this.#watchRaises(paths(), (limit) => listener({ event: 'limit-raised', limit }))
          : undefined,
      () =>
        paths().some(({ name, inV2 }) => inV2 && name.startsWith('memory'))
          ? watchPressure(native, this.path, (pressure) => listener({ event: 'pressure', pressure }))
          : undefined,
      () => this.#watchMemory((found) => listener({ event: 'out-of-memory', found })),
    ])
    watches.set(this.path, this.#watches)
    return () => {
      watches.delete(this.path)
      stop()
    }
  }

  #watchMemory(over: (found: OutOfMemory) => void): (() => void) | undefined {
    const { native, controllers, watchdog, memoryV1 } = this.#context
    if (memoryV1) {
      if (!memoryV1.isCapped(this.path)) return undefined
      const heard = () => over(this.#outOfMemory() ?? { of: 'machine' })
      return watchOutOfMemory(native, memoryV1.v1Path(this.path), heard)
    }
    const { memoryMax } = this.#wanted
    if (memoryMax === undefined || unenforceable({ memoryMax }, controllers).length === 0) return undefined
    return watchdog.watch({
      path: this.path,
      cap: () => this.#wanted.memoryMax,
      over: (usedBytes, cap) => over({ of: 'session', path: this.path, memoryMax: cap, usedBytes }),
    })
  }

  #watchRaises(paths: LimitPath[], raised: (limit: RaisedLimit) => void): () => void {
    const look = () => {
      // Of those that are set later, the report tells
      const texts = paths.map((one) => this.#textOf(path.resolve(this.path, one.path)))
      return raisedLimits(this.#wanted, paths, texts)
    }
    return watchRaises(this.path, paths, look, raised)
  }

  /** '' where it cannot be read: it is going. */
  #textOf(file: string): string {
    try {
      return this.#context.native.readText(file)
    } catch (error) {
      if (isSystemError(error)) return ''
      throw error
    }
  }

  members(): number[] {
    try {
      return this.#context.native.members(this.path)
    } catch (error) {
      throw explained('cannot list the processes of the session', error)
    }
  }

  fate(withMemory = false): Fate | undefined {
    if (!this.#removed) this.#claim ??= Claim.on(this.#context.native, this.path)
    if (this.#claim) return { reason: 'corral-kill' }
    if (this.#removed) return undefined
    if (this.#context.native.isGone(this.path)) return { reason: 'killed-externally' }
    const outOfMemory = withMemory ? this.#outOfMemory() : undefined
    return outOfMemory && { reason: 'memory-limit', outOfMemory }
  }

  #outOfMemory(): OutOfMemory | undefined {
    try {
      return this.#context.oom?.explain(this.path)
    } catch (error) {
      if (isSystemError(error)) return undefined // the payload took the permissions from its group
      throw error
    }
  }

  entry(command: string, args: readonly string[]): CommandLine {
    const { native, loginMark } = this.#context
    const words = enterWords(native, this.path, { memoryGroup: this.#memoryGroup(), loginMark })
    return { command: wardenPath(), args: [...words, '--', command, ...args] }
  }

  /**
   * What ends it from outside sets a label; what does not know of that takes it away, of which only the directory above tells.
   * Of a group without a leader, who entered first is told as well.
   */
  #watchFate(listener: (event: GroupEvent) => void): () => void {
    const heard = () => listener({ event: 'fate' })
    const stops: (() => void)[] = []
    try {
      if (!this.#leader) stops.push(this.#watchEntered(() => listener({ event: 'entered-left' })))
      for (const directory of [this.path, dirname(this.path)]) stops.push(watchDirectory(directory, heard))
    } catch (error) {
      for (const stop of stops) stop()
      throw error
    }
    return () => {
      for (const stop of stops) stop()
    }
  }

  #watchEntered(left: () => void): () => void {
    const { native } = this.#context
    let watched = true
    const over = () => {
      if (watched) left()
    }
    const follow = async (first: number | undefined) => {
      if (first === undefined) return
      this.#entered = first
      await native.waitForExit(first)
    }
    native.first(this.path).then(follow).then(over, over)
    return () => {
      watched = false
    }
  }

  remove(): Promise<void> {
    if (this.#entered !== undefined) this.#context.native.close(this.#entered)
    this.#entered = undefined
    return this.#release(this.#removed)
  }
}

const NO_MARK =
  'RLIMIT_LOCKS is limited here: processes that others (systemd-run --scope, tmux, container runtimes) move out of the session are not found'

function unseenOutside(errno: number): string {
  return `cannot look for processes that others moved out of the session (${getSystemErrorName(-errno)})`
}

/** A label is an attribute, and setting one is an event, as is the removal of a directory in it (inotify(7)). */
function watchDirectory(directory: string, heard: () => void): () => void {
  const watcher = watch(directory, heard)
  watcher.unref()
  watcher.on('error', () => undefined) // without it, word is found at the next thing that is done in the group
  return () => watcher.close()
}

/** Calls back once when the kernel has killed in a v1 memory cgroup: of a whole session it kills one process. */
function watchOutOfMemory(native: Native, memoryGroup: string, over: () => void): () => void {
  let stopped = false
  const heard = (killed: boolean) => {
    if (killed && !stopped) over()
  }
  native.outOfMemory(memoryGroup).then(heard, () => undefined) // without word of it, the leader's end tells
  return () => {
    stopped = true
  }
}

/** A cap on memory that the watchdog sees to. */
function watched(limit: AppliedLimit): AppliedLimit {
  const { requested, effective } = limit
  return { ...limit, enforcedBy: 'watchdog', effective: Math.min(requested, effective ?? requested) }
}

/** Whether it was a step in the making of the group that failed, and not the spawn. */
function isMaking(error: unknown): boolean {
  return isSystemError(error) && ['mkdir', 'write', 'setxattr'].includes(error.syscall ?? '')
}

function endHint(code: string | undefined): string | undefined {
  if (code === 'ENFILE') return 'Raise fs.file-max (sysctl), and close the session again'
  return undefined
}

function makeHint(code: string | undefined): string | undefined {
  if (code === 'EEXIST')
    return 'Run `corral ls` to see what still lives in an earlier session of this name, which could not be removed'
  if (code === 'EAGAIN')
    return 'Raise cgroup.max.descendants or cgroup.max.depth of a cgroup above: one of them is reached'
  if (code === 'ERANGE') return 'Choose a limit that the kernel can hold exactly: it set a higher one'
  if (code === 'EACCES' || code === 'EPERM')
    return 'Make the user that runs the gateway the owner of the root (chown)'
  return undefined
}
