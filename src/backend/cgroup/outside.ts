// The instances below a root as others see and end them.
import path from 'node:path'
import { now, sleep } from '../../common/clock.js'
import { isSystemError } from '../../common/errors.js'
import type { Native } from '../../native/addon.js'
import { CORRAL, KILLED_LABEL } from '../../native/language.js'
import type { SweepOptions, SweepReport } from '../facts.js'
import type { Ledger } from '../ledger.js'
import { LIMIT_NAMES, type LimitChanges, type ParsedLimits, setLimitsOf } from '../limits.js'
import type {
  Detail,
  FoundSession,
  HeldLimit,
  InstanceView,
  LimitsAt,
  Outside,
  SessionView,
  Strangers,
} from '../outside.js'
import { stuckError } from '../stuck.js'
import { watchArrivals } from './arrivals.js'
import { claimEnding } from './claim.js'
import { assertEnforceable, changeLimits, readLimits } from './controllers/apply.js'
import type { Controller } from './controllers/controller.js'
import { offeredControllers, withLimitsIn } from './controllers/index.js'
import { comeWithinReach, enterWords } from './entry.js'
import { whenRemoved } from './gone.js'
import { holding, isThere, listInstances } from './instance.js'
import { killMethod } from './kill.js'
import { withLoginMarks } from './login-marks.js'
import { readMemoryV1 } from './memory-v1.js'
import { type Remover, removeTree } from './removal.js'
import { surveyInstances } from './survey.js'
import { sweepInstances } from './sweep.js'

// An owner hears of the kill within a millisecond; one that is stopped or busy must not hold us up for long.
const OWNER_MS = 1000
const OWNER_LOOK_MS = 2

const directoryOf = ({ group, path: family }: SessionView) => group?.path ?? family

export class CgroupOutside implements Outside {
  readonly root: string | undefined
  readonly #native: Native
  readonly #remover: Remover

  /** `root` undefined: there is none, so there are no instances. */
  constructor(native: Native, root: string | undefined, killTimeoutMs: number) {
    this.root = root
    this.#native = native
    this.#remover = { native, killMethod: killMethod(), killTimeoutMs }
  }

  list(detail: Detail): Promise<InstanceView[]> {
    return this.#inRoot((root) => surveyInstances(this.#native, root, detail), [])
  }

  async strangers(): Promise<Strangers> {
    const foreign = await this.#inRoot(async (root) => listInstances(this.#native, root).foreign, [])
    return { foreign, unspoken: [], barred: 0 }
  }

  async sweep(options: SweepOptions, ledger?: Ledger): Promise<SweepReport> {
    return this.#inRoot((root) => sweepInstances(root, this.#remover, options, ledger), {
      collected: [],
      live: [],
      failed: [],
    })
  }

  async kill({ alive, session }: FoundSession, graceMs: number): Promise<number | undefined> {
    const directory = directoryOf(session)
    const kill = () => this.#kill(directory, `session '${session.key}'`, alive, graceMs)
    return this.#inRoot(() => withLoginMarks(this.#native, kill), undefined)
  }

  async setLimits(
    { instance, session }: FoundSession,
    changes: LimitChanges,
    { family }: { family: boolean },
  ): Promise<LimitsAt> {
    const directory = family ? session.path : directoryOf(session)
    const change = async (root: string) => {
      const controllers = this.#controllersAt(root, instance, directory)
      assertEnforceable(changes, controllers, { enforcement: 'required', path: directory })
      changeLimits(directory, changes, controllers)
      return readLimits(directory, setLimitsOf(changes), controllers)
    }
    return { path: directory, limits: await this.#inRoot(change, []) }
  }

  members({ session }: FoundSession): Promise<number[]> {
    return this.#inRoot(async () => this.#native.members(directoryOf(session)), [])
  }

  async limits({ instance, session }: FoundSession): Promise<HeldLimit[]> {
    const directory = directoryOf(session)
    const all = Object.fromEntries(LIMIT_NAMES.map((name) => [name, 0])) as ParsedLimits
    const read = async (root: string) =>
      readLimits(directory, all, this.#controllersAt(root, instance, directory))
        .filter(({ applied }) => applied !== null)
        .map(({ requested: _, ...held }) => held)
    return this.#inRoot(read, [])
  }

  watch(changed: () => void): () => void {
    const { root } = this
    if (root === undefined) return () => undefined
    this.#native.holdRoot(root)
    const stop = watchArrivals(this.#native, root, changed)
    return () => {
      stop()
      this.#native.releaseRoot(root)
    }
  }

  over({ session }: FoundSession): Promise<void> {
    return this.#inRoot(() => whenRemoved(this.#native, directoryOf(session)), undefined)
  }

  async entry({ instance, session }: FoundSession): Promise<string[]> {
    const directory = directoryOf(session)
    const words = async (root: string) => {
      await comeWithinReach(directory)
      const memoryGroup = readMemoryV1(this.#native, path.join(root, CORRAL, instance))?.v1Path(directory)
      // Whether its owner asked for login marks is not told: it bears the mark that all sessions have
      return enterWords(this.#native, directory, { memoryGroup, loginMark: false })
    }
    return this.#inRoot(words, [])
  }

  #controllersAt(root: string, instance: string, directory: string): Controller[] {
    const memoryV1 = readMemoryV1(this.#native, path.join(root, CORRAL, instance))
    const offered = [...offeredControllers(directory), ...(memoryV1 ? [memoryV1.controller] : [])]
    return withLimitsIn(directory, offered)
  }

  /** Does some work with the root held: systemd's scope exists only as long as a process is in it. */
  async #inRoot<T>(work: (root: string) => Promise<T>, without: T): Promise<T> {
    const { root } = this
    if (root === undefined || !isThere(this.#native, root)) return without
    return holding(this.#native, root, () => work(root))
  }

  async #kill(directory: string, what: string, alive: boolean, graceMs: number): Promise<number> {
    const { killMethod, killTimeoutMs } = this.#remover
    const claim = this.#tellOwner(directory)
    try {
      const { empty, killed, left } = await this.#native.endGroup(directory, {
        graceMs,
        killMs: killTimeoutMs,
        freeze: killMethod === 'freeze',
        outside: true,
        ...(claim !== undefined && { claim }),
      })
      if (!empty) throw stuckError(what, directory, left, killTimeoutMs)
      if (alive) await this.#ownerRemoves(directory)
      await removeTree(directory, this.#remover)
      return killed
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
