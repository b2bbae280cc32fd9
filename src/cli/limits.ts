// The options for limits that `run` and `set` share. What they hold is checked where all limits are (../limits.ts).
import { InvalidArgumentError as BadOption, type Command } from 'commander'
import type { Limits } from '../backend/limits.js'

const NONE = 'none'

/** As commander gives them, beside other options; `none` is for splitLimits() to read. */
export type LimitOptions = { [Name in keyof Limits]?: string | number }

export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new BadOption('Expected a number.')
  return value
}

/** Adds them to a command; where they can be lifted, `none` does so. */
export function withLimits(command: Command, { liftable = false } = {}): Command {
  const count = (text: string) => (liftable && text === NONE ? NONE : number(text))
  return command
    .option('--memory-max <size>', "memory cap: bytes, '1.5G' or '25%'")
    .option('--memory-high <size>', 'memory above which it is throttled')
    .option('--swap-max <size>', 'swap cap')
    .option('--pids-max <count>', 'cap on processes and threads', count)
    .option('--cpu-max <cores>', 'CPU cap in cores', count)
    .option('--cpu-weight <weight>', 'share of the CPU when it is short, 1 to 10000', count)
    .option('--io-weight <weight>', 'share of the disks when they are short, 1 to 10000', count)
}

/** Takes the limits out of a command's options. */
export function splitLimits<Options extends LimitOptions>(options: Options, { liftable = false } = {}) {
  const { memoryMax, memoryHigh, swapMax, pidsMax, cpuMax, cpuWeight, ioWeight, ...rest } = options
  const given = { memoryMax, memoryHigh, swapMax, pidsMax, cpuMax, cpuWeight, ioWeight }
  const limits = Object.entries(given).map(([name, value]) => [
    name,
    liftable && value === NONE ? null : value,
  ])
  return { rest, limits: Object.fromEntries(limits) as Limits }
}
