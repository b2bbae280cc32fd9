// All instances below a root, and all sessions of this user that are held without one, seen and ended from outside: what
// `corral ls`, `ps`, `exec`, `wait`, `kill`, `set` and `sweep` stand on. Needs no instance of its own.

import path from 'node:path'
import type { AppliedLimit, HoldingChoice, SweepReport } from '../backend/facts.js'
import type { Ledger } from '../backend/ledger.js'
import { type LimitChanges, type Limits, parseLimitChanges } from '../backend/limits.js'
import { memoryAt, outsides } from '../backend/mechanisms.js'
import type {
  Detail,
  FoundSession,
  GroupView,
  HeldLimit,
  InstanceView,
  Outside,
  SessionView,
  Strangers,
} from '../backend/outside.js'
import { LimitUnsupportedError } from '../common/errors.js'
import { settleAll } from '../common/settle.js'
import { parseHolding, parseMilliseconds } from '../session/options.js'

/** Which sessions are meant; by `path`, that of a view, one of several with the same key. With `instance`: those of that one. */
export type Selection =
  | (({ keys: string[] } | { path: string } | { parent: string }) & { instance?: string | undefined })
  | { instance: string }
  | { all: true }

/** One session that was meant, and what is known of it and done to it from outside. */
export class SeenSession {
  /** The instance, without its sessions. */
  readonly instance: Omit<InstanceView, 'sessions'>
  readonly session: SessionView & { group: GroupView }
  /** Of the session that asked for it. */
  readonly parent: string | undefined
  readonly #outside: Outside
  readonly #found: FoundSession

  constructor(outside: Outside, { sessions: _, ...instance }: InstanceView, { session, parent }: Placed) {
    this.instance = instance
    this.session = session
    this.parent = parent
    this.#outside = outside
    this.#found = { instance: instance.instance, alive: instance.alive, session }
  }

  /** What it is called: a session without a key by its directory. */
  get name(): string {
    return this.session.key ?? this.session.path
  }

  members(): Promise<number[]> {
    return this.#outside.members(this.#found)
  }

  limits(): Promise<HeldLimit[]> {
    return this.#outside.limits(this.#found)
  }

  over(): Promise<void> {
    return this.#outside.over(this.#found)
  }

  entry(): Promise<string[]> {
    return this.#outside.entry(this.#found)
  }

  /** @throws StuckError, KernelError */
  async kill(graceMs: number): Promise<KilledSession | undefined> {
    const killed = await this.#outside.kill(this.#found, graceMs)
    if (killed === undefined) return undefined
    const { key, group } = this.session
    return { instance: this.instance.instance, key, path: group.path, killed }
  }

  /** @throws LimitUnsupportedError where only its owner can change its limits. */
  changer(): (changes: LimitChanges, over: { family: boolean }) => Promise<ChangedSession> {
    const { key, path } = this.session
    const { instance } = this.#found
    if (!this.#outside.setLimits)
      throw new LimitUnsupportedError(
        `'${key}' is held without cgroups: only its gateway can change its limits`,
        { path, hint: 'Call session.setLimits() in its gateway' },
      )
    const change = this.#outside.setLimits.bind(this.#outside, this.#found)
    return async (changes, over) => ({ instance, key, ...(await change(changes, over)) })
  }
}

interface Placed {
  session: SessionView & { group: GroupView }
  parent: string | undefined
}

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

function descend(
  session: SessionView,
  parent?: string,
): { session: SessionView; parent?: string | undefined }[] {
  return [{ session, parent }, ...session.children.flatMap((child) => descend(child, session.key))]
}

const isThere = (one: { session: SessionView; parent?: string | undefined }): one is Placed =>
  one.session.group !== undefined

function select({ instance, sessions }: InstanceView, selection: Selection): Placed[] {
  if ('instance' in selection && (selection.instance ?? instance) !== instance) return []
  const all = sessions.flatMap((session) => descend(session))
  let chosen = all
  if ('keys' in selection)
    // One whose label is gone is known by the name of its directory
    chosen = all.filter(({ session: { key, path: directory } }) =>
      selection.keys.includes(key ?? path.basename(directory)),
    )
  else if ('path' in selection) chosen = all.filter(({ session }) => session.path === selection.path)
  else if ('parent' in selection)
    chosen = all
      .filter(({ session }) => session.key === selection.parent)
      .flatMap(({ session: { children, key } }) => children.flatMap((child) => descend(child, key)))
  return chosen.filter(isThere)
}

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
  readonly #outsides: readonly Outside[]

  /**
   * @throws RootError when there is no root, and one is asked for. @throws InvalidArgumentError
   * @throws UnsupportedPlatformError anywhere but on Linux.
   */
  constructor({ root, backend = 'auto', killTimeoutMs = 10_000 }: ObserverOptions) {
    this.#outsides = outsides({ root, backend: parseHolding('--backend', backend, root), killTimeoutMs })
    this.root = this.#outsides.find((outside) => outside.root !== undefined)?.root
  }

  list(detail: Detail = 'all'): Promise<InstanceView[]> {
    return this.#all((outside) => outside.list(detail))
  }

  /** What is neither listed nor touched: directories that are not Corral's, and reapers of versions that are unknown here. */
  async strangers(): Promise<Strangers> {
    const all = await this.#all(async (outside) => [await outside.strangers()])
    return {
      foreign: all.flatMap(({ foreign }) => foreign),
      unspoken: all.flatMap(({ unspoken }) => unspoken),
      barred: all.reduce((sum, { barred }) => sum + barred, 0),
    }
  }

  async sweep(options: { dryRun: boolean }, ledger?: Ledger): Promise<SweepReport> {
    const reports = await this.#all(async (outside) => [await outside.sweep(options, ledger)])
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
   * Ends the selected sessions of any owner, and waits until they are empty. The owner, if it lives, is told why, closes
   * its own side and reports it.
   * @throws AggregateError of what could not be ended, after all others were.
   */
  async kill(selection: Selection, grace: number): Promise<KilledSession[]> {
    const graceMs = parseMilliseconds('--grace', grace)
    const found = await this.find(selection)
    const ended = await settleAll(
      found.map((one) => one.kill(graceMs)),
      (failures) => failures,
    )
    return ended.filter((one) => one !== undefined)
  }

  /**
   * Changes limits of the selected sessions of any owner, or of their families: all limits of each, or none.
   * @throws LimitUnsupportedError, KernelError of the first that could not be changed; those before it were.
   */
  async setLimits(
    selection: Selection,
    limits: Limits,
    { family }: { family: boolean },
  ): Promise<ChangedSession[]> {
    const changes = parseLimitChanges(limits, () => memoryAt(this.root))
    const found = await this.find(selection)
    const changers = found.map((one) => one.changer())
    const changed: ChangedSession[] = []
    for (const change of changers) changed.push(await change(changes, { family }))
    return changed
  }

  /** Calls back whenever sessions may have come, until it is stopped. */
  watch(changed: () => void): () => void {
    const stops = this.#outsides.map((outside) => outside.watch(changed))
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** All that are meant, with so much of them. */
  async find(selection: Selection, detail: Detail = 'none'): Promise<SeenSession[]> {
    return this.#all(async (outside) =>
      (await outside.list(detail)).flatMap((view) =>
        select(view, selection).map((placed) => new SeenSession(outside, view, placed)),
      ),
    )
  }

  /** What all of them give, one after another, together. */
  async #all<T>(look: (outside: Outside) => Promise<T[]>): Promise<T[]> {
    const given: T[] = []
    for (const outside of this.#outsides) given.push(...(await look(outside)))
    return given
  }
}
