// All instances below a root, and all sessions of this user that are held without one, seen and ended from outside: what
// `corral ls`, `kill` and `sweep` stand on. Needs no instance of its own.

import path from 'node:path'
import { claimEnding } from '../backend/cgroup/claim.js'
import {
  assertEnforceable,
  changeLimits,
  type Detail,
  offeredControllers,
  readLimits,
  withLimitsIn,
} from '../backend/cgroup/controllers.js'
import { CORRAL, holding, isThere, listInstances } from '../backend/cgroup/instance.js'
import { killMethod } from '../backend/cgroup/kill.js'
import { KILLED_LABEL } from '../backend/cgroup/labels.js'
import { memoryAt } from '../backend/cgroup/machine.js'
import { readMemoryV1 } from '../backend/cgroup/memory-v1.js'
import { type Remover, removeTree } from '../backend/cgroup/removal.js'
import { findRoot, searchRootToSee } from '../backend/cgroup/root.js'
import { type InstanceView, type SessionView, surveyInstances } from '../backend/cgroup/survey.js'
import { sweepInstances } from '../backend/cgroup/sweep.js'
import type { AppliedLimit, ForeignDirectory, SweepReport } from '../backend/facts.js'
import { type LimitChanges, type Limits, type ParsedLimits, parseLimitChanges } from '../backend/limits.js'
import { stuckError } from '../backend/stuck.js'
import { endHeld, type HeldSession, heldSessions, viewHeld } from '../backend/subreaper/survey.js'
import { sweepLost } from '../backend/subreaper/sweep.js'
import { now, sleep } from '../common/clock.js'
import { isSystemError, LimitUnsupportedError } from '../common/errors.js'
import { settleAll } from '../common/settle.js'
import { loadNative, type Native } from '../native/addon.js'
import { type HoldingChoice, parseHolding, parseMilliseconds } from '../session/options.js'

/** Which sessions are meant; by `path`, that of a view, one of several with the same key. */
export type Selection =
  | { keys: string[] }
  | { path: string }
  | { parent: string }
  | { instance: string }
  | { all: true }

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
      // One whose label is gone is known by the name of its directory
      chosen = all.filter(({ key, path: directory }) =>
        selection.keys.includes(key ?? path.basename(directory)),
      )
    else if ('path' in selection) chosen = all.filter((session) => session.path === selection.path)
    else if ('parent' in selection)
      chosen = all
        .filter(({ key }) => key === selection.parent)
        .flatMap(({ children }) => children.flatMap(descend))
    else if ('instance' in selection && selection.instance !== instance) chosen = []
    return chosen.filter(({ group }) => group !== undefined).map((session) => ({ instance, alive, session }))
  })
}

/** @throws LimitUnsupportedError */
function assertNotHeld([first]: Found[]): void {
  if (!first) return
  throw new LimitUnsupportedError(
    `'${first.session.key}' is held without cgroups: its limits can only be changed by who owns it`,
    { path: first.session.path, hint: 'In its gateway: session.setLimits()' },
  )
}

// An owner hears of the kill within a millisecond; one that is stopped or busy must not hold us up for long.
const OWNER_MS = 1000
const OWNER_LOOK_MS = 2

export interface ObserverOptions {
  /** A cgroup2 directory; then nothing else is looked at. */
  root?: string | undefined
  /** What is looked at. Default `auto`: cgroups, where there is a root, and sessions without. */
  backend?: HoldingChoice | undefined
  killTimeoutMs?: number
}

export class Observer {
  /** Undefined where there is none, or only sessions without cgroups are looked at. */
  readonly root: string | undefined
  readonly #native: Native
  readonly #remover: Remover
  readonly #seesHeld: boolean

  /**
   * @throws RootError when there is no root, and one is asked for. @throws InvalidArgumentError
   * @throws UnsupportedPlatformError anywhere but on Linux.
   */
  constructor({ root, backend: choice = 'auto', killTimeoutMs = 10_000 }: ObserverOptions) {
    this.#native = loadNative()
    const backend = parseHolding('--backend', choice, root)
    this.#seesHeld = backend !== 'cgroup' && root === undefined
    if (backend === 'subreaper') this.root = undefined
    else if (this.#seesHeld) this.root = searchRootToSee(this.#native).chosen?.path
    else this.root = findRoot(this.#native, root)
    this.#remover = { native: this.#native, killMethod: killMethod(), killTimeoutMs }
  }

  async list(detail: Detail = 'all'): Promise<InstanceView[]> {
    const inCgroups = await this.#inRoot((root) => this.#inCgroups(root, detail))
    return [...inCgroups, ...viewHeld(this.#native, await this.#held())]
  }

  /** What is neither listed nor touched: directories that are not Corral's, and holders of versions that are unknown here. */
  async others(): Promise<{ foreign: ForeignDirectory[]; unspoken: ForeignDirectory[] }> {
    const foreign = await this.#inRoot(async (root) =>
      root === undefined ? [] : listInstances(this.#native, root).foreign,
    )
    return { foreign, unspoken: this.#seesHeld ? (await heldSessions(this.#native)).unspoken : [] }
  }

  async #inCgroups(root: string | undefined, detail: Detail): Promise<InstanceView[]> {
    return root === undefined ? [] : surveyInstances(this.#native, root, detail)
  }

  /** Does some work with the root held, or without one: systemd's scope is there only as long as somebody is in it. */
  async #inRoot<T>(work: (root: string | undefined) => Promise<T>): Promise<T> {
    const { root } = this
    if (root === undefined || !isThere(this.#native, root)) return work(undefined)
    return holding(this.#native, root, () => work(root))
  }

  async #held(): Promise<HeldSession[]> {
    return this.#seesHeld ? (await heldSessions(this.#native)).sessions : []
  }

  async sweep(options: { dryRun: boolean }): Promise<SweepReport> {
    if (!options.dryRun) this.#readLoginMarks()
    const reports: SweepReport[] = []
    await this.#inRoot(async (root) => {
      if (root !== undefined) reports.push(await sweepInstances(root, this.#remover, options))
    })
    if (this.#seesHeld) {
      const lost = await sweepLost(this.#native, this.#remover, options)
      const live = new Set((await this.#held()).map(({ labels }) => labels.instance))
      reports.push({ ...lost, live: [...live] })
    }
    const ending = reports.flatMap((report) => report.ending ?? [])
    const foreign = reports.flatMap((report) => report.foreign ?? [])
    return {
      collected: reports.flatMap(({ collected }) => collected),
      live: reports.flatMap(({ live }) => live),
      failed: reports.flatMap(({ failed }) => failed),
      ...(ending.length > 0 && { ending }),
      ...(foreign.length > 0 && { foreign }),
    }
  }

  /**
   * Ends the selected sessions, whoever owns them, and waits until they are empty. The owner, if it lives, is told why, closes
   * its own side and reports it.
   * @throws AggregateError of what could not be ended, after all others were.
   */
  async kill(selection: Selection, grace: number): Promise<KilledSession[]> {
    const graceMs = parseMilliseconds('graceMs', grace)
    this.#readLoginMarks()
    return this.#inRoot(async (root) => {
      const held = await this.#held()
      const inCgroups = await this.#inCgroups(root, 'none')
      const ended = await settleAll(
        [
          ...select(inCgroups, selection).map((one) => this.#kill(one, graceMs)),
          ...select(viewHeld(this.#native, held), selection).map((one) => this.#killHeld(one, held, graceMs)),
        ],
        (failures) => failures,
      )
      return ended.filter((one) => one !== undefined)
    })
  }

  /**
   * Changes limits of the selected sessions, or of their families, whoever owns them: each one's all or none.
   * @throws LimitUnsupportedError, KernelError of the first that could not be changed; those before it were.
   */
  async setLimits(
    selection: Selection,
    limits: Limits,
    { family }: { family: boolean },
  ): Promise<ChangedSession[]> {
    const changes = parseLimitChanges(limits, () => memoryAt(this.root))
    assertNotHeld(select(viewHeld(this.#native, await this.#held()), selection))
    const change = (root: string, { instance, session }: Found) => {
      const { key, group } = session
      const directory = family ? session.path : (group?.path ?? session.path)
      const memoryV1 = readMemoryV1(this.#native, path.join(root, CORRAL, instance))
      const offered = [...offeredControllers(directory), ...(memoryV1 ? [memoryV1.controller] : [])]
      const controllers = withLimitsIn(directory, offered)
      assertEnforceable(changes, controllers, { enforcement: 'required', path: directory })
      changeLimits(directory, changes, controllers)
      return { instance, key, path: directory, limits: readLimits(directory, given(changes), controllers) }
    }
    return this.#inRoot(async (root) => {
      if (root === undefined) return []
      const found = select(await this.#inCgroups(root, 'none'), selection)
      return found.map((one) => change(root, one))
    })
  }

  async #killHeld(
    { instance, session }: Found,
    held: HeldSession[],
    graceMs: number,
  ): Promise<KilledSession | undefined> {
    const { key, path: place } = session
    const one = held.find(({ pid, labels }) => labels.instance === instance && place === `/proc/${pid}`)
    const { killTimeoutMs } = this.#remover
    const ended = one && (await endHeld(this.#native, one, { graceMs, killTimeoutMs }))
    if (!ended) return undefined // it was over before
    if (!ended.empty) throw stuckError(`session '${key}'`, place, ended.left, killTimeoutMs)
    return { instance, key, path: place, killed: ended.killed.count }
  }

  /** A gateway of root's may have given its sessions some (openCorral({ loginMark })). */
  #readLoginMarks(): void {
    if (process.geteuid?.() === 0) this.#native.useLoginMarks()
  }

  async #kill({ instance, alive, session }: Found, graceMs: number): Promise<KilledSession> {
    const directory = session.group?.path ?? session.path
    const { killMethod, killTimeoutMs } = this.#remover
    const claim = this.#tellOwner(directory)
    try {
      const ended = await this.#native.endGroup(directory, {
        graceMs,
        killMs: killTimeoutMs,
        freeze: killMethod === 'freeze',
        outside: true,
        ...(claim !== undefined && { claim }),
      })
      if (!ended.empty) throw stuckError(`session '${session.key}'`, directory, ended.left, killTimeoutMs)
      if (alive) await this.#ownerRemoves(directory)
      await removeTree(directory, this.#remover)
      return { instance, key: session.key, path: directory, killed: ended.killed }
    } finally {
      if (claim !== undefined) this.#native.close(claim)
    }
  }

  /** Gives the owner the time to see the claim and to remove the group; after that it is ours to remove. */
  async #ownerRemoves(directory: string): Promise<void> {
    const deadline = now() + OWNER_MS
    while (this.#native.exists(directory) && now() < deadline) await sleep(OWNER_LOOK_MS)
  }

  /** Gives the descriptor by which the owner sees who ends the session; its report alone depends on that, not the ending. */
  #tellOwner(directory: string): number | undefined {
    let claim: number | undefined
    try {
      claim = claimEnding(this.#native, directory)
      this.#native.setLabel(directory, KILLED_LABEL, 'corral-kill')
    } catch (error) {
      if (!isSystemError(error)) throw error
    }
    return claim
  }
}
