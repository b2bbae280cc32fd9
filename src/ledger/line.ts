// A line of a ledger: docs/ledger.md describes its fields. What is not known is null.

/** Of lines that are understood here. Another field is no other version. */
const VERSION = 1

const NUMBERS = [
  'startedAt',
  'endedAt',
  'exitCode',
  'killed',
  'cpuUs',
  'cpuUserUs',
  'cpuSystemUs',
  'memoryPeakBytes',
  'swapPeakBytes',
  'ioReadBytes',
  'ioWriteBytes',
  'pidsPeak',
  'oomKills',
  'cpuPressureUs',
  'memoryPressureUs',
  'ioPressureUs',
] as const
const TEXTS = [
  'boot',
  'id',
  'key',
  'parentKey',
  'instance',
  'command',
  'reason',
  'signal',
  'mechanism',
  'writer',
] as const

export type LedgerLine = Record<(typeof NUMBERS)[number], number | null> &
  Record<(typeof TEXTS)[number], string | null> & { endedAt: number }

/** Undefined: it is no line of a ledger, it was cut, or it is of a version that is not known here. */
export function parseLine(text: string): LedgerLine | undefined {
  let found: Record<string, unknown> | null
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof found !== 'object' || found === null || found['v'] !== VERSION) return undefined
  for (const name of NUMBERS) if (typeof found[name] !== 'number') found[name] = null
  for (const name of TEXTS) if (typeof found[name] !== 'string') found[name] = null
  return found['endedAt'] === null ? undefined : (found as LedgerLine)
}
