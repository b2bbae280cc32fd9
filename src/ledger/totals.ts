// What the sessions of a ledger used together, by what they have in common.
import type { LedgerLine } from './line.js'

export const GROUPINGS = ['key', 'parent', 'command', 'reason'] as const
export type Grouping = (typeof GROUPINGS)[number]

const FIELD: Record<Grouping, 'key' | 'parentKey' | 'command' | 'reason'> = {
  key: 'key',
  parent: 'parentKey',
  command: 'command',
  reason: 'reason',
}

// Of keys that are made for each session there may be as many as lines
const MOST_GROUPS = 10_000

const SUMMED = ['cpuUs', 'ioReadBytes', 'ioWriteBytes', 'killed', 'oomKills'] as const
const GREATEST = ['memoryPeakBytes', 'swapPeakBytes', 'pidsPeak'] as const
type Measure = (typeof SUMMED)[number] | (typeof GREATEST)[number] | 'wallMs'

const added = (one: number, other: number) => one + other
const HOW: Record<Measure, (one: number, other: number) => number> = {
  wallMs: added,
  ...(Object.fromEntries(SUMMED.map((name) => [name, added])) as Record<
    (typeof SUMMED)[number],
    typeof added
  >),
  ...(Object.fromEntries(GREATEST.map((name) => [name, Math.max])) as Record<
    (typeof GREATEST)[number],
    typeof added
  >),
}
const MEASURES = Object.keys(HOW) as Measure[]

export class Total {
  sessions = 0
  /** Whose leader exited with another status than 0, or was ended by a signal. */
  failed = 0
  /** How many ended for which reason. */
  readonly reasons = new Map<string, number>()
  /** Sums and peaks of what is known: absent where it is of no session. */
  readonly measures: { [Name in Measure]?: number } = {}
  /** Of how many sessions that is. */
  readonly known: { [Name in Measure]?: number } = {}

  add(line: LedgerLine): void {
    this.sessions++
    if ((line.exitCode !== null && line.exitCode !== 0) || line.signal !== null) this.failed++
    this.#count(line.reason ?? '', 1)
    for (const name of SUMMED) this.#measure(name, line[name], 1)
    for (const name of GREATEST) this.#measure(name, line[name], 1)
    this.#measure('wallMs', line.startedAt === null ? null : Math.max(0, line.endedAt - line.startedAt), 1)
  }

  /** Takes all of another one. */
  take(other: Total): void {
    this.sessions += other.sessions
    this.failed += other.failed
    for (const [reason, count] of other.reasons) this.#count(reason, count)
    for (const name of MEASURES) this.#measure(name, other.measures[name] ?? null, other.known[name] ?? 0)
  }

  #count(reason: string, count: number): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count)
  }

  #measure(name: Measure, value: number | null, sessions: number): void {
    if (value === null) return
    const before = this.measures[name]
    this.measures[name] = before === undefined ? value : HOW[name](before, value)
    this.known[name] = (this.known[name] ?? 0) + sessions
  }
}

const byCpu = ([, one]: [unknown, Total], [, other]: [unknown, Total]) =>
  (other.measures.cpuUs ?? 0) - (one.measures.cpuUs ?? 0)

export class Totals {
  readonly all = new Total()
  /** Of those groups for which there was no room any more: they had used the least CPU. */
  readonly others = new Total()
  readonly #field: 'key' | 'parentKey' | 'command' | 'reason'
  #groups = new Map<string | null, Total>()

  constructor(grouping: Grouping) {
    this.#field = FIELD[grouping]
  }

  add(line: LedgerLine): void {
    this.all.add(line)
    const name = line[this.#field]
    let group = this.#groups.get(name)
    if (!group) {
      if (this.#groups.size >= 2 * MOST_GROUPS) this.#makeRoom()
      group = new Total()
      this.#groups.set(name, group)
    }
    group.add(line)
  }

  #makeRoom(): void {
    const sorted = [...this.#groups].sort(byCpu)
    for (const [, group] of sorted.slice(MOST_GROUPS)) this.others.take(group)
    this.#groups = new Map(sorted.slice(0, MOST_GROUPS))
  }

  /** Those that used most first; null: the name is not known, or there is none. */
  groups(): [name: string | null, Total][] {
    return [...this.#groups].sort(byCpu)
  }
}
