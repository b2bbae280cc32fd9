// What a host's configuration is to become: the commands of its agents, contained.
import { ConfigError, InvalidArgumentError } from '../../common/errors.js'
import { quote } from '../../common/quote.js'
import { contained, knownAgents, needsShim, usualCommand } from '../agents/known.js'
import { isShim } from '../shim/script.js'
import { valueAt, withValue } from './edit.js'
import { changesFor, commandOf, type Host } from './hosts.js'

export interface Wrapping {
  /** The words before the command, which end with `--`. */
  prefix: readonly string[]
  /** Where shims are to be. */
  shims: string
}

export interface Plan {
  text: string
  agents: string[]
  /** The names of the shims that it takes. */
  shims: string[]
}

interface Contained {
  argv: string[]
  shim?: string
}

/** `named` are the agents that were asked for: none means those that the configuration has or speaks of. @throws ConfigError */
export function planSetup(
  host: Host,
  text: string,
  named: readonly string[],
  wrapping: Wrapping,
  file: string,
): Plan {
  assertReadable(host, text, file)
  const agents = named.length > 0 ? [...new Set(named)] : configured(host, text, file)
  if (agents.length === 0)
    throw new InvalidArgumentError(`${file} configures no agents`, {
      hint: `Name the agents to contain, such as: corral setup ${host.name} claude`,
    })
  const shims: string[] = []
  let edited = text
  for (const agent of agents) {
    const path = [...host.agents, agent]
    const entry = valueAt(edited, path, file)
    const argv = entry === undefined ? usual(agent) : commandOf(entry, `${file}: ${path.join('.')}`)
    const { argv: wrapped, shim } = contain(argv, wrapping)
    if (shim !== undefined) shims.push(shim)
    if (entry === undefined) edited = withValue(edited, path, host.entry(wrapped), file)
    else edited = changed(edited, path, entry, changesFor(entry, wrapped), file)
  }
  return { text: edited, agents, shims }
}

function changed(
  text: string,
  path: string[],
  entry: unknown,
  changes: Record<string, unknown>,
  file: string,
): string {
  return Object.entries(changes).reduce((edited, [key, value]) => {
    const same = JSON.stringify((entry as Record<string, unknown>)[key]) === JSON.stringify(value)
    return same ? edited : withValue(edited, [...path, key], value, file)
  }, text)
}

function assertReadable(host: Host, text: string, file: string): void {
  if (!host.strict) return
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`${file}: ${(cause as Error).message}`, {
      path: file,
      hint: `Write plain JSON: ${host.name} reads nothing else`,
      cause,
    })
  }
}

function configured(host: Host, text: string, file: string): string[] {
  const entries = valueAt(text, host.agents, file)
  if (entries !== undefined && (typeof entries !== 'object' || entries === null || Array.isArray(entries)))
    throw new ConfigError(
      `${file}: expected ${host.agents.join('.')} to be an object, got ${quote(entries)}`,
      { path: file },
    )
  const mentioned = host
    .mentioned(valueAt(text, [], file))
    .filter((name): name is string => typeof name === 'string' && usualCommand(name) !== undefined)
  return [...new Set([...Object.keys(entries ?? {}), ...mentioned])]
}

function usual(agent: string): string[] {
  const argv = usualCommand(agent)
  if (argv === undefined)
    throw new InvalidArgumentError(
      `Unknown agent '${agent}': not in the configuration, and not known to corral`,
      {
        hint: `Add it to the configuration with its command, or use a known agent: ${knownAgents().join(', ')}`,
      },
    )
  return [...argv]
}

function contain(argv: string[], { prefix, shims }: Wrapping): Contained {
  const [program = '', ...args] = argv
  const name = program.slice(program.lastIndexOf('/') + 1)
  if (program.includes('/') && isShim(program)) return { argv, shim: name }
  const command = contained(argv) ?? argv
  if (needsShim(command)) return { argv: [`${shims}/${name}`, ...args], shim: name }
  return { argv: [...prefix, ...command] }
}
