// One group of processes: a leaf cgroup from its making to its removal.
import { existsSync, watch } from 'node:fs'
import type {
  AppliedLimit,
  Ended,
  EndPlan,
  Group,
  GroupPlan,
  ProcessPlan,
  SpawnedProcess,
  Usage,
} from '../backend.js'
import {
  isGone,
  isSystemError,
  KernelError,
  LimitUnsupportedError,
  SpawnError,
  systemCodeOf,
  systemDetails,
} from '../errors.js'
import type { GroupStep } from '../native.js'
import type { Controller } from './controller.js'
import { differing, limitSteps, readLimits, readUsage, unenforceable } from './controllers.js'
import { COMMAND_LABEL, KILLED_LABEL, MODE_LABEL } from './labels.js'
import { type Remover, removeEmpty } from './removal.js'

/** What all groups of one backend share. */
export interface GroupContext extends Remover {
  controllers: Controller[]
  /** Go the way of kernels and seccomp filters that refuse clone3. */
  noClone3: boolean
}

// What is kept of a command line; a whole one can be megabytes.
const COMMAND_LENGTH = 512

// A clone takes 0.2 ms. One that takes this long hangs: its group was frozen just after we looked.
const SPAWN_TIMEOUT_MS = 10_000

export class CgroupGroup implements Group {
  readonly path: string
  readonly limits: AppliedLimit[]
  readonly #context: GroupContext
  readonly #release: () => Promise<void>

  private constructor(
    path: string,
    limits: AppliedLimit[],
    context: GroupContext,
    release: () => Promise<void>,
  ) {
    this.path = path
    this.limits = limits
    this.#context = context
    this.#release = release
  }

  /** Makes the leaf (after `steps`, which make the way to it), limits and all; on failure nothing is left of it. */
  static async make(
    path: string,
    steps: GroupStep[],
    plan: GroupPlan,
    context: GroupContext,
    release: () => Promise<void>,
  ): Promise<CgroupGroup> {
    const missing = unenforceable(plan.limits, context.controllers)
    if (plan.enforcement === 'required' && missing.length > 0)
      throw new LimitUnsupportedError(`nothing here can enforce ${missing.join(', ')}`, {
        path,
        hint: `This cgroup has the controllers [${context.controllers.map(({ name }) => name).join(' ')}]; \`corral doctor\` tells what is missing, and enforcement: 'best-effort' runs without`,
      })
    await CgroupGroup.#makeDirectory(path, steps, plan, context)
    const limits = readLimits(path, plan.limits, context.controllers)
    const wrong = differing(limits, context.controllers)
    if (wrong.length > 0) {
      await removeEmpty(path, context)
      throw new KernelError(
        `the kernel holds ${wrong.map(({ name, requested, applied }) => `${name} at ${applied} instead of ${requested}`).join(', ')}`,
        { path },
      )
    }
    return new CgroupGroup(path, limits, context, release)
  }

  static async #makeDirectory(
    path: string,
    steps: GroupStep[],
    plan: GroupPlan,
    context: GroupContext,
  ): Promise<void> {
    try {
      await context.native.makeGroup([
        ...steps,
        ['new', path],
        ['label', path, plan.labels.mode, MODE_LABEL],
        ['label', path, plan.labels.command.slice(0, COMMAND_LENGTH), COMMAND_LABEL],
        ...limitSteps(path, plan.limits, context.controllers, true),
      ])
    } catch (error) {
      throw new KernelError(
        `the session cgroup cannot be made: ${(error as Error).message}`,
        systemDetails(error, makeHint(systemCodeOf(error))),
      )
    }
  }

  async spawn(plan: ProcessPlan): Promise<SpawnedProcess> {
    const { native } = this.#context
    const hanging = setTimeout(
      () => void this.end({ graceMs: 0, killTimeoutMs: SPAWN_TIMEOUT_MS }),
      SPAWN_TIMEOUT_MS,
    )
    try {
      return await native.spawn({ ...plan, group: this.path, noClone3: this.#context.noClone3 })
    } catch (error) {
      throw new SpawnError(
        `'${plan.command}' cannot be started: ${(error as Error).message}`,
        systemDetails(error, this.#spawnHint(error)),
      )
    } finally {
      clearTimeout(hanging)
    }
  }

  #spawnHint(error: unknown): string | undefined {
    if (isGone(error) && isSystemError(error) && error.path === this.path)
      return 'The session was removed by somebody else'
    switch (systemCodeOf(error)) {
      case 'EAGAIN':
        return 'A limit on processes (pidsMax, or RLIMIT_NPROC) is reached'
      case 'ECANCELED':
        return 'The session was killed'
      case 'EBUSY':
        return 'The session is frozen (cgroup.freeze): thaw it or close it'
      default:
        return undefined
    }
  }

  async end({ graceMs, killTimeoutMs }: EndPlan): Promise<Ended> {
    const { native, killMethod } = this.#context
    try {
      const ended = await native.endGroup(this.path, {
        graceMs,
        killMs: killTimeoutMs,
        freeze: killMethod === 'freeze',
      })
      return { empty: ended.empty, killed: { count: ended.killed, names: ended.names }, left: ended.left }
    } catch (error) {
      throw new KernelError(`the session cannot be ended: ${(error as Error).message}`, systemDetails(error))
    }
  }

  usage(): Usage {
    return readUsage(this.path)
  }

  members(): number[] {
    return this.#context.native.members(this.path)
  }

  isGone(): boolean {
    return !existsSync(this.path)
  }

  killedBy(): string | undefined {
    return this.#context.native.getLabel(this.path, KILLED_LABEL)
  }

  watchKilled(heard: () => void): () => void {
    const watcher = watch(this.path, heard) // a label is an attribute, and setting one is an event (inotify(7))
    watcher.unref()
    watcher.on('error', () => undefined) // without it, word is found at the next thing that is done in the group
    return () => watcher.close()
  }

  remove(): Promise<void> {
    return this.#release()
  }
}

function makeHint(code: string | undefined): string | undefined {
  if (code === 'EEXIST')
    return 'An earlier session of this name could not be removed: see what lives in it with `corral ls`'
  if (code === 'EAGAIN') return 'cgroup.max.descendants or cgroup.max.depth of a cgroup above is reached'
  if (code === 'EACCES' || code === 'EPERM') return 'The root must belong to the user that runs the gateway'
  return undefined
}
