// What is taken for an agent, and what is not, by its command line.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { KNOWN_PROGRAMS, knownProgram } from '../../../src/orphans/agents.js'
import { parseArgv } from '../../../src/orphans/processes.js'

const NPX = 'node /root/.npm/_npx/8f3b/node_modules'
const SNAPSHOT = '/root/.claude/shell-snapshots/snapshot-bash-1.sh'

describe('a command line that is taken for an agent’s', () => {
  test.each([
    ['claude-agent-acp', 'Claude Code behind ACP'],
    ['/usr/local/bin/claude-code-acp', 'Claude Code behind ACP'],
    ['node /usr/local/bin/claude-agent-acp --flag', 'Claude Code behind ACP'],
    [`${NPX}/.bin/claude-agent-acp`, 'Claude Code behind ACP'],
    [`${NPX}/@zed-industries/claude-code-acp/dist/index.js`, 'Claude Code behind ACP'],
    [
      'node --max-old-space-size=512 --import ./hook.mjs /opt/claude-agent-acp/dist/index.js',
      'Claude Code behind ACP',
    ],
    ['npm exec @agentclientprotocol/claude-agent-acp@0.25.3', 'Claude Code behind ACP'],
    ['npx -y @agentclientprotocol/claude-agent-acp', 'Claude Code behind ACP'],
    ['bunx @zed-industries/codex-acp', 'Codex behind ACP'],
    ['gemini --experimental-acp', 'Gemini CLI'],
    ['node /usr/bin/gemini --model x --acp', 'Gemini CLI'],
    ['opencode acp', 'OpenCode'],
    ['npx -y opencode-ai acp', 'OpenCode'],
    ['goose acp', 'goose'],
    ['copilot --acp', 'GitHub Copilot CLI'],
    ['node /x/node_modules/pi-acp/dist/index.js', 'an ACP adapter'],
    ['uvx fast-agent-acp --model y', 'an ACP adapter'],
    ['claude --output-format stream-json', 'Claude Code'],
    ['node /x/node_modules/@anthropic-ai/claude-code/cli.js -p', 'Claude Code'],
    ['codex app-server', 'Codex'],
    ['npx -y @modelcontextprotocol/server-filesystem /tmp', 'an MCP server'],
    [`${NPX}/@modelcontextprotocol/server-everything/dist/index.js stdio`, 'an MCP server'],
    ['/venv/bin/python3.12 /venv/bin/mcp-server-git', 'an MCP server'],
    ['python3 -m mcp_server_fetch', 'an MCP server'],
    ['uv tool run mcp-server-time', 'an MCP server'],
    ['node /x/playwright-mcp', 'an MCP server'],
  ])('%s', (command, what) => {
    expect(knownProgram(command.split(' '))).toMatchObject({ what })
  })

  test.each([
    [['sh', '-c', 'claude-agent-acp "--flag"'], 'Claude Code behind ACP'],
    [['/bin/bash', '-lc', "exec env=1 'opencode' acp"], 'OpenCode'],
    [['/bin/bash', '-c', `source ${SNAPSHOT} && eval 'sleep 1'`], "a shell of Claude Code's"],
  ])('%s', (argv, what) => {
    expect(knownProgram(argv)).toMatchObject({ what })
  })
})

describe('a command line that is taken for no agent’s', () => {
  test.each([
    'vim claude-agent-acp.md',
    'tail -f /var/log/claude-agent-acp.log',
    'grep -r claude-agent-acp /srv',
    'node /srv/gateway/index.js --agent claude-agent-acp',
    'gemini',
    'goose session',
    'opencode',
    'codex',
    'node /srv/mcp/index.js',
    'npm install @agentclientprotocol/claude-agent-acp',
    'corral run -- claude-agent-acp',
    'corral-warden guard --root /sys/fs/cgroup --instance i0123456789',
    'systemd --user',
    'bash',
    'node',
    'python3 -c import_this',
    'sh -c',
  ])('%s', (command) => {
    expect(knownProgram(command.split(' '))).toBeUndefined()
  })
})

describe('the words of a command line', () => {
  test.each([
    ['node\0a b\0', ['node', 'a b']],
    ['claude\0\0\0\0\0', ['claude']],
    ['npm exec claude-agent-acp\0\0', ['npm', 'exec', 'claude-agent-acp']],
    ['sh\0-c\0\0x\0', ['sh', '-c', '', 'x']],
    ['', []],
  ])('%j are %j', (cmdline, words) => {
    expect(parseArgv(cmdline)).toEqual(words)
  })
})

test('docs/cli.md names all that are known', () => {
  const doc = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8').replace(/\s+/g, ' ')
  for (const { what } of KNOWN_PROGRAMS) expect(doc).toContain(what.replace(/^an? /, ''))
})
