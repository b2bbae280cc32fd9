// How hosts start the agents that they know, and how a command line becomes a contained one.
import { basename } from 'node:path'

/** By the names that acpx and OpenClaw give them. */
const AGENTS: Record<string, readonly string[]> = {
  claude: ['npx', '-y', '@agentclientprotocol/claude-agent-acp'],
  codex: ['npx', '-y', '@agentclientprotocol/codex-acp'],
  copilot: ['copilot', '--acp', '--stdio'],
  cursor: ['cursor-agent', 'acp'],
  devin: ['devin', 'acp'],
  droid: ['droid', 'exec', '--output-format', 'acp'],
  gemini: ['gemini', '--acp'],
  iflow: ['iflow', '--experimental-acp'],
  kimi: ['kimi', 'acp'],
  kiro: ['kiro-cli-chat', 'acp'],
  opencode: ['npx', '-y', 'opencode-ai', 'acp'],
  qoder: ['qodercli', '--acp'],
  qwen: ['qwen', '--acp'],
}

/** Those that hosts know by the basename of what they start, and treat in a way of their own. */
const KNOWN_BY_NAME = new Set(['gemini', 'copilot', 'qodercli', 'cursor-agent', 'devin'])

export const knownAgents = (): string[] => Object.keys(AGENTS)

export function usualCommand(agent: string): readonly string[] | undefined {
  return Object.hasOwn(AGENTS, agent) ? AGENTS[agent] : undefined
}

/** Whether it needs a shim. One that is given by its path is left to that path. */
export function needsShim(argv: readonly string[]): boolean {
  return KNOWN_BY_NAME.has(argv[0] ?? '')
}

/** The command that a `corral run` contains; undefined where the words are none. */
export function contained(argv: readonly string[]): string[] | undefined {
  const at = argv.indexOf('run')
  const dashes = argv.indexOf('--', at)
  const program = argv[at - 1] ?? ''
  const ours =
    basename(program) === 'corral' ||
    /(^|\/)corral\/dist\/cli\/main\.js$|\/dist\/cli\/main\.js$/.test(program)
  return at > 0 && at <= 2 && ours && dashes > 0 ? argv.slice(dashes + 1) : undefined
}
