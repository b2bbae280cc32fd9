// Where hosts keep the commands of their agents, and in what form.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../common/errors.js'
import { quote } from '../../common/quote.js'
import { joinWords, splitWords } from '../agents/command-line.js'

export interface Host {
  name: string
  /** Where its configuration is, unless it is said otherwise. */
  file(env: NodeJS.ProcessEnv): string
  /** Whether it reads JSON only, without comments. */
  strict: boolean
  /** Whether a configuration can be begun here. */
  mayBegin: boolean
  /** The path of the object that has the agents by their names. */
  agents: readonly string[]
  /** Agents that the configuration speaks of elsewhere. */
  mentioned(config: unknown): unknown[]
  /** The keys by which a new entry gives its command. */
  entry(argv: readonly string[]): Record<string, unknown>
}

const home = (env: NodeJS.ProcessEnv) => env['HOME'] || homedir()

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  )
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])

export const HOSTS: readonly Host[] = [
  {
    name: 'acpx',
    file: (env) => join(home(env), '.acpx/config.json'),
    strict: true,
    mayBegin: true,
    agents: ['agents'],
    mentioned: (config) => list(at(config, 'defaultAgent')),
    entry: (argv) => ({ argv }),
  },
  {
    name: 'openclaw',
    file: (env) =>
      env['OPENCLAW_CONFIG_PATH'] ||
      join(env['OPENCLAW_STATE_DIR'] || join(home(env), '.openclaw'), 'openclaw.json'),
    strict: false,
    mayBegin: false,
    agents: ['plugins', 'entries', 'acpx', 'config', 'agents'],
    mentioned: (config) => [
      ...list(at(config, 'acp', 'defaultAgent')),
      ...list(at(config, 'acp', 'allowedAgents')),
    ],
    entry: (argv) => ({ command: joinWords(argv) }),
  },
]

function texts(value: unknown, where: string): string[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new ConfigError(`${where}: expected a list of strings, got ${quote(value)}`)
  return value
}

/** The command of an entry: `argv`, or `command` with `args`, or all in `command`. @throws ConfigError */
export function commandOf(entry: unknown, where: string): string[] {
  const { argv, command, args } = (entry ?? {}) as { argv?: unknown; command?: unknown; args?: unknown }
  if (argv !== undefined) return texts(argv, `${where}.argv`)
  if (typeof command !== 'string' || command.trim() === '')
    throw new ConfigError(`${where}: expected a command, got ${quote(entry)}`)
  return args === undefined
    ? splitWords(command, `${where}.command`)
    : [command, ...texts(args, `${where}.args`)]
}

/** What of an entry has to change, in the form that it has, for it to start `argv`. */
export function changesFor(entry: unknown, argv: readonly string[]): Record<string, unknown> {
  if (Object.hasOwn(entry as object, 'argv')) return { argv }
  if (!Object.hasOwn(entry as object, 'args')) return { command: joinWords(argv) }
  const [command, ...args] = argv
  return { command, args }
}
