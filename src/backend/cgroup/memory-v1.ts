// The v1 memory controller (Documentation/admin-guide/cgroup-v1/memory.rst), for hosts where it is mounted beside a cgroup2
// that has none: every directory of sessions has a second cgroup in that hierarchy, below the v1 cgroup that this process is in.
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseKeyed, parseNumber, readFile, writeFile } from '../../linux/file.js'
import { directoryOf, parseCgroupMounts, parseOwnCgroup } from '../../linux/mounts.js'
import type { Native } from '../../native/addon.js'
import { MEMORY_LABEL, SESSIONS } from '../../native/language.js'
import { step } from '../../native/plan.js'
import { type Controller, known } from './controllers/controller.js'
import { DIRECTORY_MODE } from './instance.js'

// "No limit" is as many bytes as whole pages fit into a signed 64-bit number.
const UNLIMITED = 2 ** 62

/** A text that is not there is no limit. */
function parseLimit(text = '-1'): number {
  const value = Number(text)
  return value >= 0 && value < UNLIMITED ? value : Number.POSITIVE_INFINITY
}

/** `at` gives the v1 cgroup that belongs to a cgroup v2 directory. */
export function memoryV1Controller(at: (directory: string) => string): Controller {
  return {
    name: 'memory',
    enforcedBy: 'cgroup-v1',
    at,
    limits: [
      {
        limit: 'memoryMax',
        file: 'memory.limit_in_bytes',
        format: (value) => String(value),
        parse: parseLimit,
        lifted: '-1',
        machine: os.totalmem,
      },
    ],
    counters: [
      'memory.limit_in_bytes',
      'memory.usage_in_bytes',
      'memory.max_usage_in_bytes',
      'memory.failcnt',
      'memory.oom_control',
      'memory.stat',
    ],
    gauges: ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'memory.max_usage_in_bytes'],
    usage(read) {
      const max = parseLimit(read('memory.limit_in_bytes'))
      return known({
        memoryBytes: parseNumber(read('memory.usage_in_bytes')),
        memoryPeakBytes: parseNumber(read('memory.max_usage_in_bytes')),
        memoryMaxBytes: Number.isFinite(max) ? max : undefined,
        sharedBytes: parseKeyed(read('memory.stat'), 'total_shmem'),
        oomKills: parseKeyed(read('memory.oom_control'), 'oom_kill'),
        memoryMaxHits: parseNumber(read('memory.failcnt')),
      })
    },
    oom: {
      kills: (read) => parseKeyed(read('memory.oom_control'), 'oom_kill'),
      // How often it was reached: how often there was nothing left to reclaim at it is not told
      atCap: (read) => parseNumber(read('memory.failcnt')) ?? 0,
      cap: (read) => parseLimit(read('memory.limit_in_bytes')),
    },
  }
}

/** The tree of v1 cgroups of one instance. */
export class MemoryV1 {
  readonly controller = memoryV1Controller((directory) => this.v1Path(directory))
  readonly #native: Native
  readonly #v1Sessions: string
  readonly #sessions: string

  /** `v1Path` is the v1 path of the sessions of `instance`. Makes nothing. */
  constructor(native: Native, instance: string, v1Path: string) {
    this.#native = native
    this.#sessions = path.join(instance, SESSIONS)
    this.#v1Sessions = v1Path
  }

  /** The steps that make it, for a process that makes all of it at once: as makeMemoryV1(). */
  steps(): string {
    return (
      step.label(path.dirname(this.#sessions), MEMORY_LABEL, this.#v1Sessions) +
      step.newDirectory(this.#v1Sessions) +
      step.tryWrite(`${this.#v1Sessions}/memory.use_hierarchy`, '1')
    )
  }

  v1Path(directory: string): string {
    return path.join(this.#v1Sessions, path.relative(this.#sessions, directory))
  }

  /** Whether anything of this instance caps the memory of a directory. */
  isCapped(directory: string): boolean {
    for (let at = this.v1Path(directory); at.startsWith(this.#v1Sessions); at = path.dirname(at))
      if (Number.isFinite(parseLimit(readFile(at, 'memory.limit_in_bytes')))) return true
    return false
  }

  /** Removes the v1 paths of directories that are gone, the last first, and what the payload made in them. */
  async remove(directories: readonly string[]): Promise<void> {
    for (const directory of directories.toReversed()) {
      const v1Path = this.v1Path(directory)
      if (!this.#native.removeEmpty(v1Path)) await this.#native.removeTree(v1Path)
    }
  }
}

/** The v1 memory cgroup that this process is in, where it may make others in that; undefined: there is none. */
export function findMemoryV1(): string | undefined {
  // For tests of what is done where there is none
  if (process.env['CORRAL_NO_MEMORY_V1'] === '1') return undefined
  const mount = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'), 'memory').find(
    ({ writable }) => writable,
  )
  const own = parseOwnCgroup(readFileSync('/proc/self/cgroup', 'utf8'), 'memory')
  const directory = mount && own !== undefined ? directoryOf(mount, own) : undefined
  if (directory === undefined) return undefined
  try {
    accessSync(directory, constants.W_OK)
  } catch {
    return undefined
  }
  return directory
}

/** The v1 path of an instance's sessions, in `memoryGroup`. */
export function v1PathOf(memoryGroup: string, instance: string): string {
  return path.join(memoryGroup, `corral-${path.basename(instance)}`)
}

/**
 * Makes the v1 path of the sessions' directory of an instance, and names it in a label there for the process that has to remove it;
 * undefined where none can be had.
 */
export function makeMemoryV1(native: Native, instance: string): MemoryV1 | undefined {
  const memoryGroup = findMemoryV1()
  if (memoryGroup === undefined) return undefined
  const v1Path = v1PathOf(memoryGroup, instance)
  try {
    native.setLabel(instance, MEMORY_LABEL, v1Path)
    mkdirSync(v1Path, { mode: DIRECTORY_MODE })
  } catch {
    return undefined // not ours to make anything in after all: as if it were not there
  }
  try {
    makeHierarchical(v1Path)
  } catch {
    native.removeEmpty(v1Path)
    return undefined
  }
  return new MemoryV1(native, instance, v1Path)
}

/** Before Linux 5.11 a limit is not one of all that is below, unless that is asked for. */
function makeHierarchical(v1Path: string): void {
  if (readFile(v1Path, 'memory.use_hierarchy') === '0') writeFile(v1Path, 'memory.use_hierarchy', '1')
}

/** That of another instance, by the word that it left. */
export function readMemoryV1(native: Native, instance: string): MemoryV1 | undefined {
  const v1Path = native.v1Path(instance)
  if (v1Path === undefined) return undefined
  if (readFile(v1Path, 'memory.limit_in_bytes') === undefined) return undefined
  return new MemoryV1(native, instance, v1Path)
}
