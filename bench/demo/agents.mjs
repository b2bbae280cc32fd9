// The two agents that the demo can run. Each resolves to what a gateway needs to start one.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installClaudeAgent } from './claude-agent.mjs'
import { startFakeModel } from './fake-model.mjs'

const STAND_IN = fileURLToPath(new URL('stand-in-agent.mjs', import.meta.url))

/**
 * @typedef {object} Agent
 * @property {string} title
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} env
 * @property {number} processes how many make up the agent itself, without what its prompt leaves
 * @property {() => Promise<void>} end
 */

/**
 * The stand-in, under a shell that waits for it: hosts start agents with `npx`, so that the pid they know is
 * not the agent's but that of npm or of the shell it runs, which is what their SIGTERM then ends.
 *
 * @returns {Promise<Agent>}
 */
export async function standInAgent() {
  return {
    title: 'the stand-in agent',
    command: 'sh',
    args: ['-c', '"$0" "$@"; exit $?', process.execPath, STAND_IN],
    env: { ...process.env },
    processes: 3,
    async end() {},
  }
}

/**
 * The real claude-agent-acp with the real claude under `npx`, with a home directory of its own below
 * `directory` and nothing but a fake model to talk to.
 *
 * @returns {Promise<Agent>}
 */
export async function claudeAgent(directory) {
  const installed = await installClaudeAgent()
  const model = await startFakeModel()
  return {
    title: `${installed.name} under npx`,
    command: 'npm',
    args: ['exec', '--offline', '--prefix', installed.directory, '--', 'claude-agent-acp'],
    env: claudeEnvironment(join(directory, 'home'), model.url),
    processes: 4,
    end: () => model.close(),
  }
}

/** An environment in which claude runs offline and neither reads nor writes the user's own settings. */
export function claudeEnvironment(home, modelUrl) {
  const temporary = join(home, 'tmp')
  mkdirSync(temporary, { recursive: true })
  // IS_SANDBOX makes claude refuse to start as root; its own variables would carry a real account into the
  // demo.
  const env = Object.entries(process.env).filter(([name]) => !/^(IS_SANDBOX|ANTHROPIC_|CLAUDE)/.test(name))
  return {
    ...Object.fromEntries(env),
    HOME: home,
    TMPDIR: temporary,
    CLAUDE_CODE_TMPDIR: temporary,
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: 'sk-no-such-key',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    NO_PROXY: '127.0.0.1',
    npm_config_update_notifier: 'false',
  }
}
