// The cgroup backend: sessions in cgroup v2 groups below a delegated root.
import path from 'node:path'
import { getSystemErrorName } from 'node:util'
import { explained, failure, InvalidArgumentError, KernelError, RootError } from '../../common/errors.js'
import { loadNative, type Native } from '../../native/addon.js'
import { CORRAL, SESSIONS } from '../../native/language.js'
import type { Backend, Enforcement, Family, LimitSet } from '../backend.js'
import type { CapAround, GuardEvent, GuardStatus, Left, SweepOptions, SweepReport } from '../facts.js'
import type { Ledger, LedgerPlan } from '../ledger.js'
import { changedLimits, type LimitChanges, type ParsedLimits } from '../limits.js'
import { Starts } from '../starts.js'
import { Watchdog } from '../watchdog.js'
import { capsAround } from './caps-around.js'
import { assertEnforceable, changeLimits, readLimits } from './controllers/apply.js'
import { enableControllers, withLimitsIn } from './controllers/index.js'
import { CgroupFamily } from './family.js'
import type { GroupContext } from './group.js'
import { endInstance, Guard } from './guard.js'
import { createInstance, type Instance, newInstanceName, ROOM_HINT } from './instance.js'
import { killMethod } from './kill.js'
import { type MemoryV1, makeMemoryV1 } from './memory-v1.js'
import { OomAccount } from './oom.js'
import { removeTree } from './removal.js'
import { obtainRoot, vacateRoot } from './root.js'
import { sweepInstances } from './sweep.js'

export interface CgroupBackendOptions {
  root?: string | undefined
  /** Whether systemd may be asked for a scope where there is no root. */
  systemd: boolean
  /** The cgroup that this process was in before systemd was asked. */
  startedIn: string | undefined
  /** Limits of all sessions together. */
  sessions: ParsedLimits
  enforcement: Enforcement
  killTimeoutMs: number
  startTimeoutMs: number
  loginMark: boolean
  /** Gets the lines that the guard writes. */
  ledger: LedgerPlan | undefined
}

export class CgroupBackend implements Backend {
  readonly name = 'cgroup'
  readonly root: string
  readonly instance: string
  readonly capsAround: readonly CapAround[]
  readonly limits: LimitSet = {
    get: () => readLimits(this.#sessions, this.#limits, this.#context.controllers),
    set: (changes) => this.#setLimits(changes),
  }
  readonly #native: Native
  readonly #instance: Instance
  readonly #context: GroupContext
  readonly #sessions: string
  readonly #guard: Guard
  /** Of all sessions together. */
  #limits: ParsedLimits

  private constructor(
    root: string,
    native: Native,
    instance: Instance,
    context: GroupContext,
    guard: Guard,
    { sessions, startedIn }: CgroupBackendOptions,
  ) {
    this.root = root
    this.capsAround = capsAround(root, startedIn)
    this.#limits = sessions
    this.instance = instance.name
    this.#native = native
    this.#instance = instance
    this.#sessions = path.join(instance.path, SESSIONS)
    this.#context = context
    this.#guard = guard
  }

  /**
   * Finds a root, makes an instance in it and locks that. `tell` hears what becomes of its guard.
   * @throws RootError when there is no root, or it lets nothing be made in it.
   * @throws LimitUnsupportedError when the limits of all sessions together cannot be enforced.
   * @throws GuardError when no guard can be started; with best-effort it goes on without, and on trying.
   */
  static async open(
    options: CgroupBackendOptions,
    emit: (event: GuardEvent) => void,
  ): Promise<CgroupBackend> {
    const native = loadNative()
    const root = await obtainRoot(native, options)
    vacateRoot(root)
    try {
      native.holdRoot(root)
    } catch (error) {
      throw failure(RootError, `${root} cannot be opened`, error, ROOM_HINT)
    }
    try {
      return await CgroupBackend.#openIn(root, native, options, emit)
    } catch (error) {
      native.releaseRoot(root)
      throw error
    }
  }

  static async #openIn(
    root: string,
    native: Native,
    options: CgroupBackendOptions,
    emit: (event: GuardEvent) => void,
  ): Promise<CgroupBackend> {
    const context = makeContext(native, options)
    if (options.loginMark) context.loginMark = useLoginMarks(native)
    const name = newInstanceName()
    const guard = new Guard(native, { root, instance: name, ledger: options.ledger, ...context }, emit)
    // First, so that nothing is ever there that it does not guard
    const guarded = await refuseOrRetry(guard, options.enforcement, () => guard.start())
    try {
      const instance = await createInstance(native, root, name)
      try {
        if (guarded) await refuseOrRetry(guard, options.enforcement, () => guard.moveIn())
        const prepared = prepareInstance(native, root, instance, options)
        return new CgroupBackend(root, native, instance, { ...context, ...prepared }, guard, options)
      } catch (error) {
        // What cannot be removed now, its guard or the next sweep collects: the first failure is the news
        await endInstance(native, root, instance, guard).catch(() => undefined)
        throw error
      }
    } catch (error) {
      await guard.finish().catch(() => undefined)
      throw error
    }
  }

  family(name: string, parent: Family | undefined, limits: ParsedLimits): Family {
    return new CgroupFamily(name, parent as CgroupFamily | undefined, limits, this.#sessions, this.#context)
  }

  async sweep(options: SweepOptions, ledger: Ledger | undefined): Promise<SweepReport> {
    try {
      return await sweepInstances(this.root, this.#context, options, ledger)
    } catch (error) {
      throw explained(`cannot look for dead instances below ${this.root}`, error)
    }
  }

  #setLimits(changes: LimitChanges): void {
    const { controllers, enforcement } = this.#context
    const wanted = changedLimits(this.#limits, changes)
    assertEnforceable(changes, controllers, {
      enforcement,
      over: 'all sessions',
      path: this.#sessions,
    })
    changeLimits(this.#sessions, changes, controllers)
    this.#limits = wanted
    for (const watches of this.#context.watches.values()) watches.arm()
  }

  guard(): GuardStatus {
    return this.#guard.status()
  }

  left(): Left {
    return { path: this.#sessions, pids: this.#native.members(this.#sessions) }
  }

  async close(): Promise<void> {
    try {
      await removeTree(this.#sessions, this.#context)
      await endInstance(this.#native, this.root, this.#instance, this.#guard, this.#context.memoryV1)
      this.#native.releaseRoot(this.root)
    } catch (error) {
      throw explained(`instance ${this.instance} cannot be removed`, error)
    }
  }
}

/** Takes a step of the guard's; where that fails, and no guard is required, goes on without, and on trying. */
async function refuseOrRetry(
  guard: Guard,
  enforcement: Enforcement,
  step: () => Promise<void>,
): Promise<boolean> {
  try {
    await step()
    return true
  } catch (error) {
    if (enforcement === 'required') throw error
    guard.retry(error as Error)
    return false
  }
}

/** @throws KernelError where what is started cannot bear them. @throws InvalidArgumentError for an ordinary user. */
function useLoginMarks(native: Native): true {
  if (process.geteuid?.() !== 0)
    throw new InvalidArgumentError(
      'loginMark needs a gateway that runs as root: an ordinary user cannot end what su and sudo start',
    )
  const errno = native.useLoginMarks()
  if (errno === 0) return true
  throw new KernelError(`loginMark: cannot set the login uid of a process: ${getSystemErrorName(-errno)}`, {
    path: '/proc/self/loginuid',
    hint: 'Use a kernel with audit and a user namespace that maps the number, and keep CAP_AUDIT_CONTROL where the gateway has a login uid; or leave loginMark out',
  })
}

function makeContext(
  native: Native,
  { killTimeoutMs, startTimeoutMs, enforcement }: CgroupBackendOptions,
): Omit<GroupContext, 'controllers' | 'oom' | 'memoryV1'> {
  return {
    native,
    killMethod: killMethod(),
    killTimeoutMs,
    // For tests of the way that old kernels and seccomp filters force on us
    noClone3: process.env['CORRAL_NO_CLONE3'] === '1',
    starts: new Starts(native, startTimeoutMs),
    startTimeoutMs,
    watchdog: new Watchdog(native),
    marks: native.canMark(),
    loginMark: false,
    enforcement,
    watches: new Map(),
  }
}

/** Turns controllers on along the way to the sessions, and sets the limits of all of them together. */
function prepareInstance(
  native: Native,
  root: string,
  instance: Instance,
  options: CgroupBackendOptions,
): Pick<GroupContext, 'controllers' | 'oom' | 'memoryV1'> {
  const sessions = path.join(instance.path, SESSIONS)
  try {
    native.makeDirectory(sessions)
  } catch (error) {
    throw failure(RootError, `${sessions} cannot be made`, error, ROOM_HINT)
  }
  let memoryV1: MemoryV1 | undefined
  try {
    const line = [root, path.join(root, CORRAL), instance.path, sessions]
    const enabled = line.map(enableControllers).at(-1) ?? []
    memoryV1 = enabled.some(({ oom }) => oom) ? undefined : makeMemoryV1(native, instance.path)
    const all = memoryV1 ? [...enabled, memoryV1.controller] : enabled
    const controllers = withLimitsIn(sessions, all)
    assertEnforceable(options.sessions, controllers, {
      enforcement: options.enforcement,
      over: 'all sessions',
      path: root,
    })
    changeLimits(sessions, options.sessions, controllers)
    return { controllers, oom: OomAccount.open(sessions, controllers), memoryV1 }
  } catch (error) {
    takeAway(native, sessions, memoryV1)
    throw explained(`sessions cannot be prepared in ${instance.path}`, error)
  }
}

/** What prepareInstance() has made, after a failure of which is told; what stays here, the guard removes. */
function takeAway(native: Native, sessions: string, memoryV1: MemoryV1 | undefined): void {
  memoryV1?.remove([sessions]).catch(() => undefined)
  try {
    native.removeEmpty(sessions)
  } catch {}
}
