// What a reaper shows of its session to processes that connect to its door: hints for people and for other programs, as the labels of a
// cgroup are.
import { randomHex } from '../../common/builtins.js'
import type { Native } from '../../native/addon.js'

export interface Labels {
  instance: string
  /** Who owns the session. */
  owner: { pid: number; command: string }
  /** From the eldest parent down to the session's own. */
  keys: string[]
  mode: string
  command: string
  /** Milliseconds since the epoch. */
  startedAt: number
  /** The cap that is watched, in bytes. */
  memoryMax?: number
}

// What is kept of a command line; a whole one can be megabytes.
const COMMAND_LENGTH = 512

/** As of cgroup instances, with another letter. */
export const newHeldInstanceName = () => `s${randomHex(5)}`

export function packLabels(labels: Labels): string {
  const { owner, command } = labels
  const cut = (text: string) => text.slice(0, COMMAND_LENGTH)
  return JSON.stringify({
    ...labels,
    owner: { ...owner, command: cut(owner.command) },
    command: cut(command),
  })
}

/** A descriptor of a file with them, to be passed on and closed. */
export function labelsFile(native: Native, labels: Labels): number {
  return native.textFile(packLabels(labels))
}

/** Reads such a file; undefined where it is another one, or something else is in it. */
export function readLabels(native: Native, fd: number): Labels | undefined {
  const text = native.textOf(fd)
  return text === undefined ? undefined : parseLabels(text)
}

type Unchecked<Type> = { [Name in keyof Type]?: unknown }

function parseLabels(text: string): Labels | undefined {
  let found: Unchecked<Labels> | null
  try {
    found = JSON.parse(text) as Unchecked<Labels> | null
  } catch {
    return undefined
  }
  const { instance, keys, mode, command, startedAt, memoryMax } = found ?? {}
  const owner = found?.owner as Unchecked<Labels['owner']> | null | undefined
  const isText = (value: unknown): value is string => typeof value === 'string'
  if (!isText(instance) || !isText(mode) || !isText(command) || typeof startedAt !== 'number')
    return undefined
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isText)) return undefined
  if (typeof owner?.pid !== 'number' || !isText(owner.command)) return undefined
  const cap = typeof memoryMax === 'number' ? { memoryMax } : {}
  return {
    instance,
    owner: { pid: owner.pid, command: owner.command },
    keys,
    mode,
    command,
    startedAt,
    ...cap,
  }
}
