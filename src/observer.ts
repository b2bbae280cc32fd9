// All instances below a root, seen and ended from outside: what `corral ls`, `kill` and `sweep` stand on.
// Needs no instance of its own.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AppliedLimit, SweepReport } from './backend.js'
import {
  assertEnforceable,
  changeLimits,
  offeredControllers,
  readLimits,
  withLimitsIn,
} from './cgroup/controllers.js'
import { CORRAL } from './cgroup/instance.js'
import { killMethod } from './cgroup/kill.js'
import { KILLED_LABEL } from './cgroup/labels.js'
import { memoryAt } from './cgroup/machine.js'
import { readMemoryV1 } from './cgroup/memory-v1.js'
import { type Remover, removeTree } from './cgroup/removal.js'
import { findRoot } from './cgroup/root.js'
import { type InstanceView, type SessionView, surveyInstances } from './cgroup/survey.js'
import { sweepInstances } from './cgroup/sweep.js'
import { isGone } from './errors.js'
import { type LimitChanges, type Limits, type ParsedLimits, parseLimitChanges } from './limits.js'
import { loadNative, type Native } from './native.js'
import { parseMilliseconds } from './options.js'
import { settleAll } from './settle.js'
import { stuckError } from './stuck.js'

/** Which sessions are meant. */
export type Selection = { keys: string[] } | { parent: string } | { instance: string } | { all: true }

export interface KilledSession {
  instance: string
  key: string | undefined
  path: string
  /** Processes that had to be killed. */
  killed: number
}

export interface ChangedSession {
  instance: string
  key: string | undefined
  path: string
  /** Those that were changed and not lifted. */
  limits: AppliedLimit[]
}

function given(changes: LimitChanges): ParsedLimits {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)) as ParsedLimits
}

interface Found {
  instance: string
  /** Whether the instance's owner lives. */
  alive: boolean
  session: SessionView
}

function descend(session: SessionView): SessionView[] {
  return [session, ...session.children.flatMap(descend)]
}

function select(instances: InstanceView[], selection: Selection): Found[] {
  return instances.flatMap(({ instance, alive, sessions }) => {
    const all = sessions.flatMap(descend)
    let chosen = all
    if ('keys' in selection)
      chosen = all.filter(({ key }) => key !== undefined && selection.keys.includes(key))
    else if ('parent' in selection)
      chosen = all
        .filter(({ key }) => key === selection.parent)
        .flatMap(({ children }) => children.flatMap(descend))
    else if ('instance' in selection && selection.instance !== instance) chosen = []
    return chosen.filter(({ group }) => group !== undefined).map((session) => ({ instance, alive, session }))
  })
}

// An owner hears of the kill within a millisecond; one that is stopped or busy must not hold us up for long.
const OWNER_MS = 1000
const OWNER_LOOK_MS = 2

export class Observer {
  readonly root: string
  readonly #native: Native
  readonly #remover: Remover

  /** @throws RootError when there is no root, UnsupportedPlatformError anywhere but on Linux. */
  constructor(options: { root?: string | undefined; killTimeoutMs?: number }) {
    this.#native = loadNative()
    this.root = findRoot(this.#native, options.root)
    this.#remover = {
      native: this.#native,
      killMethod: killMethod(),
      killTimeoutMs: options.killTimeoutMs ?? 10_000,
    }
  }

  list(): InstanceView[] {
    return surveyInstances(this.#native, this.root)
  }

  sweep(options: { dryRun: boolean }): Promise<SweepReport> {
    return sweepInstances(this.root, this.#remover, options)
  }

  /**
   * Ends the selected sessions, whoever owns them, and waits until they are empty. The owner, if it lives, is told why
   * by a label, closes its own side and reports it.
   * @throws AggregateError of what could not be ended, after all others were.
   */
  async kill(selection: Selection, grace: number): Promise<KilledSession[]> {
    const graceMs = parseMilliseconds('graceMs', grace)
    const found = select(this.list(), selection)
    return settleAll(
      found.map((one) => this.#kill(one, graceMs)),
      (failures) => failures,
    )
  }

  /**
   * Changes limits of the selected sessions, or of their families, whoever owns them: each one's all or none.
   * @throws LimitUnsupportedError, KernelError of the first that could not be changed; those before it were.
   */
  setLimits(selection: Selection, limits: Limits, { family }: { family: boolean }): ChangedSession[] {
    const changes = parseLimitChanges(limits, () => memoryAt(this.root))
    const found = select(this.list(), selection)
    return found.map(({ instance, session }) => {
      const { key, group } = session
      const directory = family ? session.path : (group?.path ?? session.path)
      const memoryV1 = readMemoryV1(this.#native, path.join(this.root, CORRAL, instance))
      const offered = [...offeredControllers(directory), ...(memoryV1 ? [memoryV1.controller] : [])]
      const controllers = withLimitsIn(directory, offered)
      assertEnforceable(changes, controllers, { enforcement: 'required', path: directory })
      changeLimits(directory, changes, controllers)
      return { instance, key, path: directory, limits: readLimits(directory, given(changes), controllers) }
    })
  }

  async #kill({ instance, alive, session }: Found, graceMs: number): Promise<KilledSession> {
    const directory = session.group?.path ?? session.path
    const { killMethod, killTimeoutMs } = this.#remover
    this.#leaveWord(directory)
    const ended = await this.#native.endGroup(directory, {
      graceMs,
      killMs: killTimeoutMs,
      freeze: killMethod === 'freeze',
    })
    if (!ended.empty) throw stuckError(`session '${session.key}'`, directory, ended.left, killTimeoutMs)
    if (alive) await this.#ownerRemoves(directory)
    await removeTree(directory, this.#remover)
    return { instance, key: session.key, path: directory, killed: ended.killed }
  }

  /** Gives the owner the time to read the word we left and to remove the group; after that it is ours to remove. */
  async #ownerRemoves(directory: string): Promise<void> {
    const deadline = performance.now() + OWNER_MS
    while (existsSync(directory) && performance.now() < deadline) await sleep(OWNER_LOOK_MS)
  }

  #leaveWord(directory: string): void {
    try {
      this.#native.setLabel(directory, KILLED_LABEL, 'corral-kill')
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
}
