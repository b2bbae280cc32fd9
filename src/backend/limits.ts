// Limits as callers write them ('1.5G', '25%', 2 cores), parsed once, at the edge.
import os from 'node:os'
import { InvalidLimitError } from '../common/errors.js'
import { quote } from '../common/quote.js'
import { isRecord } from '../common/record.js'

/** Bytes as a number, or text such as '1.5G' (K, M, G, T: powers of 1024) or '25%' of the machine's memory. */
export type Size = number | string

/** `undefined` leaves a limit at its default, `null` lifts a default. */
export interface Limits {
  /** The most memory that the session may use; above it the session is OOM-killed (memory.max). */
  memoryMax?: Size | null | undefined
  /** Memory above which the session is throttled and reclaimed (memory.high). */
  memoryHigh?: Size | null | undefined
  /** Swap (memory.swap.max); 0 forbids it. */
  swapMax?: Size | null | undefined
  /** Processes and threads together (pids.max). */
  pidsMax?: number | null | undefined
  /** CPU time, in cores: 1.5 is one and a half (cpu.max). */
  cpuMax?: number | null | undefined
  /** Share of the CPU when it is short, 1 to 10,000, by default 100 (cpu.weight). */
  cpuWeight?: number | null | undefined
  /** Share of the disks when they are short, 1 to 10,000, by default 100 (io.weight). */
  ioWeight?: number | null | undefined
}

export type LimitName = keyof Limits

/** Bytes, counts and cores. A limit that is absent is not set. */
export type ParsedLimits = { [Name in LimitName]?: number }

const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }
const SIZE_FORMS = "bytes as a number, '512M', '1.5G' (K, M, G, T) or '25%' of the machine's memory"

function refuse(name: string, value: unknown, forms: string): never {
  throw new InvalidLimitError(`Invalid ${name}: expected ${forms}, got ${quote(value)}`)
}

/** The memory of the host, or of the container if that has less, in bytes. */
export function hostMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, os.totalmem()) : os.totalmem()
}

function parseSize(name: string, value: unknown, smallest: number, machine: () => number): number {
  let bytes: number
  if (typeof value === 'number') {
    bytes = value
  } else if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT]?)(?:i?B)?|(%))$/i.exec(value.trim())
    if (!match) refuse(name, value, SIZE_FORMS)
    const amount = Number(match[1])
    if (match[3] && amount > 100) refuse(name, value, "a share of at most '100%'")
    bytes = match[3] ? (machine() * amount) / 100 : amount * (UNITS[(match[2] ?? '').toUpperCase()] ?? 1)
  } else {
    refuse(name, value, SIZE_FORMS)
  }
  bytes = Math.floor(bytes)
  if (!Number.isSafeInteger(bytes) || bytes < smallest) refuse(name, value, SIZE_FORMS)
  return bytes
}

function parseInteger(name: string, value: unknown, smallest: number, largest: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < smallest || value > largest)
    refuse(name, value, `a whole number from ${smallest} to ${largest}`)
  return value
}

function parseCores(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0.01)
    refuse(name, value, 'a number of cores, 0.01 or more, such as 1.5')
  return value
}

const PARSERS: { [Name in LimitName]-?: (value: unknown, machine: () => number) => number } = {
  memoryMax: (value, machine) => parseSize('memoryMax', value, 1, machine),
  memoryHigh: (value, machine) => parseSize('memoryHigh', value, 1, machine),
  swapMax: (value, machine) => parseSize('swapMax', value, 0, machine),
  pidsMax: (value) => parseInteger('pidsMax', value, 1, 4194304),
  cpuMax: (value) => parseCores('cpuMax', value),
  cpuWeight: (value) => parseInteger('cpuWeight', value, 1, 10000),
  ioWeight: (value) => parseInteger('ioWeight', value, 1, 10000),
}

export const LIMIT_NAMES = Object.keys(PARSERS) as LimitName[]
const KNOWN = `Known limits: ${LIMIT_NAMES.join(', ')}`

/** The limits that were given a value or null; undefined is as good as absent. @throws InvalidLimitError */
function readEntries(limits: unknown, machine: () => number): [LimitName, number | null][] {
  if (limits === undefined) return []
  if (!isRecord(limits))
    throw new InvalidLimitError(`Invalid limits: expected an object, got ${quote(limits)}`)
  return Object.entries(limits).flatMap(([key, value]) => {
    if (!Object.hasOwn(PARSERS, key)) throw new InvalidLimitError(`Unknown limit ${key}`, { hint: KNOWN })
    const name = key as LimitName
    if (value === undefined) return []
    return [[name, value === null ? null : PARSERS[name](value, machine)] as [LimitName, number | null]]
  })
}

/** @throws InvalidLimitError when the limits contradict each other. */
export function assertConsistent({ memoryHigh, memoryMax }: ParsedLimits): void {
  if (memoryHigh === undefined || memoryMax === undefined || memoryHigh <= memoryMax) return
  throw new InvalidLimitError(`memoryHigh (${memoryHigh}) is above memoryMax (${memoryMax})`, {
    hint: 'Lower memoryHigh, or raise memoryMax: above it, a session is killed before it is throttled',
  })
}

/**
 * Reads `limits` over `defaults`; null lifts one. `machine` is the memory in bytes of which '25%' is a share.
 * @throws InvalidLimitError for an unknown name, an unreadable value, or memoryHigh above memoryMax.
 */
export function parseLimits(
  limits: unknown,
  defaults: ParsedLimits = {},
  machine: () => number = hostMemory,
): ParsedLimits {
  const parsed: ParsedLimits = { ...defaults }
  for (const [name, value] of readEntries(limits, machine)) {
    if (value === null) delete parsed[name]
    else parsed[name] = value
  }
  assertConsistent(parsed)
  return parsed
}

/** Changes of limits that are in force: null lifts one. */
export type LimitChanges = { [Name in LimitName]?: number | null }

/**
 * Reads `limits` as changes.
 * @throws InvalidLimitError as parseLimits(), and when there is nothing to change.
 */
export function parseLimitChanges(limits: unknown, machine: () => number = hostMemory): LimitChanges {
  const entries = readEntries(limits, machine)
  if (entries.length === 0)
    throw new InvalidLimitError('no limit to change was given', {
      hint: KNOWN,
    })
  return Object.fromEntries(entries)
}

/** What holds after `changes`. @throws InvalidLimitError when that contradicts itself. */
export function changedLimits(limits: ParsedLimits, changes: LimitChanges): ParsedLimits {
  const changed: ParsedLimits = { ...limits }
  for (const [name, value] of Object.entries(changes) as [LimitName, number | null][]) {
    if (value === null) delete changed[name]
    else changed[name] = value
  }
  assertConsistent(changed)
  return changed
}

/** Those of `changes` that are set, not lifted. */
export function setLimitsOf(changes: LimitChanges): ParsedLimits {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)) as ParsedLimits
}
