// The cgroup backend: sessions in cgroup v2 groups below a delegated root.
import { mkdirSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import type { Backend, Enforcement, Family, SweepOptions, SweepReport } from '../backend.js'
import { LimitUnsupportedError, RootError, systemDetails } from '../errors.js'
import type { ParsedLimits } from '../limits.js'
import { loadNative, type Native } from '../native.js'
import { enableControllers, setLimits, unenforceable } from './controllers.js'
import { CgroupFamily } from './family.js'
import type { GroupContext } from './group.js'
import { HangingSpawns } from './hanging.js'
import { CORRAL, createInstance, type Instance, removeInstance, SESSIONS } from './instance.js'
import { findKillMethod } from './kill.js'
import { removeTree } from './removal.js'
import { findRoot, vacateRoot } from './root.js'
import { sweepInstances } from './sweep.js'

export interface CgroupBackendOptions {
  root?: string | undefined
  /** Limits of all sessions together. */
  sessions: ParsedLimits
  enforcement: Enforcement
  killTimeoutMs: number
}

export class CgroupBackend implements Backend {
  readonly name = 'cgroup'
  readonly root: string
  readonly instance: string
  readonly #native: Native
  readonly #instance: Instance
  readonly #context: GroupContext
  readonly #sessions: string

  private constructor(root: string, native: Native, instance: Instance, context: GroupContext) {
    this.root = root
    this.instance = instance.name
    this.#native = native
    this.#instance = instance
    this.#sessions = path.join(instance.path, SESSIONS)
    this.#context = context
  }

  /**
   * Finds a root, makes an instance in it and locks that.
   * @throws RootError when there is no root, or it lets nothing be made in it.
   * @throws LimitUnsupportedError when the limits of all sessions together cannot be enforced.
   */
  static async open(options: CgroupBackendOptions): Promise<CgroupBackend> {
    const native = loadNative()
    const root = findRoot(native, options.root)
    vacateRoot(root)
    const instance = await createInstance(native, root)
    try {
      const context = prepareInstance(native, root, instance, options)
      return new CgroupBackend(root, native, instance, context)
    } catch (error) {
      await removeInstance(native, root, instance)
      throw error
    }
  }

  family(name: string, parent: Family | undefined): Family {
    return new CgroupFamily(name, parent as CgroupFamily | undefined, this.#sessions, this.#context)
  }

  sweep(options: SweepOptions): Promise<SweepReport> {
    return sweepInstances(this.root, this.#context, options)
  }

  async close(): Promise<void> {
    await removeTree(this.#sessions, this.#context)
    await removeInstance(this.#native, this.root, this.#instance)
  }
}

/** Turns controllers on along the way to the sessions, and sets the limits of all of them together. */
function prepareInstance(
  native: Native,
  root: string,
  instance: Instance,
  options: CgroupBackendOptions,
): GroupContext {
  const sessions = path.join(instance.path, SESSIONS)
  try {
    mkdirSync(sessions)
  } catch (error) {
    throw new RootError(`${sessions} cannot be made`, systemDetails(error))
  }
  try {
    const controllers =
      [root, path.join(root, CORRAL), instance.path, sessions].map(enableControllers).at(-1) ?? []
    const missing = unenforceable(options.sessions, controllers)
    if (options.enforcement === 'required' && missing.length > 0)
      throw new LimitUnsupportedError(`nothing here can enforce ${missing.join(', ')} over all sessions`, {
        path: root,
        hint: `${root} offers the controllers [${controllers.map(({ name }) => name).join(' ')}]; \`corral doctor\` tells what is missing`,
      })
    setLimits(sessions, options.sessions, controllers)
    return {
      native,
      controllers,
      killMethod: findKillMethod(sessions),
      killTimeoutMs: options.killTimeoutMs,
      // For tests of the way that old kernels and seccomp filters force on us
      noClone3: process.env['CORRAL_NO_CLONE3'] === '1',
      hanging: new HangingSpawns(),
    }
  } catch (error) {
    rmdirSync(sessions)
    throw error
  }
}
