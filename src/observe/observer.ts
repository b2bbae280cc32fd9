// All instances below a root, and all sessions of this user that are held without one, seen and ended from outside: what
// `corral ls`, `kill`, `set` and `sweep` stand on. Needs no instance of its own.

import path from 'node:path'
import type { AppliedLimit, HoldingChoice, SweepReport } from '../backend/facts.js'
import { type LimitChanges, type Limits, parseLimitChanges } from '../backend/limits.js'
import { memoryAt, outsides } from '../backend/mechanisms.js'
import type {
  Detail,
  FoundSession,
  InstanceView,
  LimitsAt,
  Outside,
  SessionView,
  Strangers,
} from '../backend/outside.js'
import { LimitUnsupportedError } from '../common/errors.js'
import { settleAll } from '../common/settle.js'
import { parseHolding, parseMilliseconds } from '../session/options.js'

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

function descend(session: SessionView): SessionView[] {
  return [session, ...session.children.flatMap(descend)]
}

function select(instances: InstanceView[], selection: Selection): FoundSession[] {
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

/** How limits of a session are changed. @throws LimitUnsupportedError where only its owner can. */
function changerOf(
  outside: Outside,
  { session }: FoundSession,
): (found: FoundSession, changes: LimitChanges, over: { family: boolean }) => Promise<LimitsAt> {
  if (outside.setLimits) return outside.setLimits.bind(outside)
  throw new LimitUnsupportedError(
    `'${session.key}' is held without cgroups: only its gateway can change its limits`,
    { path: session.path, hint: 'Call session.setLimits() in its gateway' },
  )
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

  /** What is neither listed nor touched: directories that are not Corral's, and holders of versions that are unknown here. */
  async strangers(): Promise<Strangers> {
    const all = await this.#all(async (outside) => [await outside.strangers()])
    return {
      foreign: all.flatMap(({ foreign }) => foreign),
      unspoken: all.flatMap(({ unspoken }) => unspoken),
    }
  }

  async sweep(options: { dryRun: boolean }): Promise<SweepReport> {
    const reports = await this.#all(async (outside) => [await outside.sweep(options)])
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
    const graceMs = parseMilliseconds('graceMs', grace)
    const found = await this.#find(selection)
    const ended = await settleAll(
      found.map(async ({ outside, one }): Promise<KilledSession | undefined> => {
        const { instance, session } = one
        const killed = await outside.kill(one, graceMs)
        if (killed === undefined) return undefined
        return { instance, key: session.key, path: session.group?.path ?? session.path, killed }
      }),
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
    const found = await this.#find(selection)
    const plans = found.map(({ outside, one }) => ({ one, change: changerOf(outside, one) }))
    const changed: ChangedSession[] = []
    for (const { one, change } of plans) {
      const { instance, session } = one
      changed.push({ instance, key: session.key, ...(await change(one, changes, { family })) })
    }
    return changed
  }

  async #find(selection: Selection): Promise<{ outside: Outside; one: FoundSession }[]> {
    return this.#all(async (outside) =>
      select(await outside.list('none'), selection).map((one) => ({ outside, one })),
    )
  }

  /** What all of them give, one after another, together. */
  async #all<T>(look: (outside: Outside) => Promise<T[]>): Promise<T[]> {
    const given: T[] = []
    for (const outside of this.#outsides) given.push(...(await look(outside)))
    return given
  }
}
