// What an agent looks like: the ACP agents that there are (agentclientprotocol.com/get-started/agents), the programs that
// they start, and MCP servers. This table is all that `corral orphans` knows of them.
import { programsOf } from './program.js'

export interface KnownProgram {
  what: string
  /** What the program may be called. */
  names: (string | RegExp)[]
  /** One of these words has to be among its arguments, where its name is not enough. */
  words?: string[]
}

const ACP_OPTIONS = ['--acp', '--experimental-acp', '--acp=true']

export const KNOWN_PROGRAMS: KnownProgram[] = [
  // ACP agents
  { what: 'Claude Code behind ACP', names: ['claude-agent-acp', 'claude-code-acp'] },
  { what: 'Codex behind ACP', names: ['codex-acp'] },
  { what: 'Gemini CLI', names: ['gemini', 'gemini-cli'], words: ACP_OPTIONS },
  { what: 'Qwen Code', names: ['qwen', 'qwen-code'], words: ACP_OPTIONS },
  { what: 'OpenCode', names: ['opencode', 'opencode-ai'], words: ['acp'] },
  { what: 'goose', names: ['goose'], words: ['acp'] },
  { what: 'GitHub Copilot CLI', names: ['copilot'], words: ACP_OPTIONS },
  { what: 'Cursor', names: ['cursor-agent', 'agent'], words: ['acp'] },
  { what: 'Kimi CLI', names: ['kimi', 'kimi-cli'], words: ['acp', ...ACP_OPTIONS] },
  { what: 'Kiro', names: ['kiro-cli', 'kiro-cli-chat'], words: ['acp'] },
  { what: 'Auggie', names: ['auggie'], words: ACP_OPTIONS },
  { what: 'Cline', names: ['cline'], words: ACP_OPTIONS },
  { what: 'Junie', names: ['junie'], words: ACP_OPTIONS },
  { what: 'Factory Droid', names: ['droid'], words: ['acp'] },
  { what: 'iFlow', names: ['iflow'], words: ACP_OPTIONS },
  { what: 'Qoder', names: ['qodercli'], words: ACP_OPTIONS },
  { what: 'CodeBuddy', names: ['codebuddy'], words: ACP_OPTIONS },
  { what: 'OpenHands', names: ['openhands'], words: ['acp'] },
  { what: 'Stakpak', names: ['stakpak'], words: ['acp'] },
  // pi-acp, amp-acp, vibe-acp, fast-agent-acp, …
  { what: 'an ACP adapter', names: [/-acp$/] },
  // What these start
  { what: 'Claude Code', names: ['claude', 'claude-code', 'claude-agent-sdk'] },
  { what: 'Codex', names: ['codex'], words: ['app-server', 'mcp-server', 'exec', 'proto'] },
  {
    what: 'an MCP server',
    names: [/^@modelcontextprotocol\/server-/, /^mcp-server(?:-|$)/, /-mcp(?:-server)?$/, /-mcp-server-/],
  },
]

// Claude Code's Bash tool has each of its shells read this first
const TOOL_SHELL = '/.claude/shell-snapshots/'

export interface Likeness {
  what: string
  /** The part of the command line that says so. */
  named: string
}

/** What a command line is by the table; `undefined`: nothing that we know. */
export function knownProgram(argv: readonly string[]): Likeness | undefined {
  for (const { names, args } of programsOf(argv))
    for (const known of KNOWN_PROGRAMS) {
      const named = names.find((name) =>
        known.names.some((one) => (typeof one === 'string' ? one === name : one.test(name))),
      )
      const word = known.words?.find((one) => args.includes(one))
      if (named !== undefined && (known.words === undefined || word !== undefined))
        return { what: known.what, named: word === undefined ? named : `${named} ${word}` }
    }
  if (argv.some((word) => word.includes(TOOL_SHELL)))
    return { what: "a shell of Claude Code's", named: TOOL_SHELL }
  return undefined
}

/** As knownProgram(), by an expression of the caller's over the whole command line. */
export function matching(pattern: RegExp): (argv: readonly string[]) => Likeness | undefined {
  return (argv) => {
    const found = pattern.exec(argv.join(' '))
    return found ? { what: 'a match of --match', named: found[0] } : undefined
  }
}
