// SysV shared memory, which outlives who made it until somebody removes it (shmctl(2)). proc_sysvipc(5): /proc/sysvipc/shm has a
// line for each segment of our IPC namespace, with the pid of its creator, as it is here, also when that has ended.
import { procText } from './proc-file.js'

export interface SharedSegment {
  /** For ipcrm(1): `ipcrm -m ID`. */
  id: number
  /** What it takes: in memory and in swap. */
  bytes: number
  /** The pid of the process that made it. */
  creator: number
}

/** Those that were left, together. */
export interface LeftSegments {
  count: number
  bytes: number
  /** The first 16. */
  segments: SharedSegment[]
}

export interface SegmentFacts extends SharedSegment {
  /** How many are attached to it. */
  attached: number
  /** When it was made, or its owner or mode was changed, in seconds since the epoch. */
  changedAt: number
}

const FILE = '/proc/sysvipc/shm'
const TOLD = 16

/** By the names of its first line: in some versions of the kernel there are fewer columns. */
export function parseSegments(text: string): SegmentFacts[] {
  const [head = [], ...rows] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/))
  return rows.map((row) => {
    const of = (name: string) => Number(row[head.indexOf(name)] ?? 0)
    return {
      id: of('shmid'),
      bytes: of('rss') + of('swap'),
      creator: of('cpid'),
      attached: of('nattch'),
      changedAt: of('ctime'),
    }
  })
}

/** None where the kernel has no such memory. */
export function readSegments(): SegmentFacts[] {
  return parseSegments(procText(FILE))
}

/** Of some of them those that nobody is attached to, together. */
export function leftOf(segments: readonly SegmentFacts[]): LeftSegments {
  const left = segments.filter(({ attached }) => attached === 0)
  return {
    count: left.length,
    bytes: left.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: left.slice(0, TOLD).map(({ id, bytes, creator }) => ({ id, bytes, creator })),
  }
}
