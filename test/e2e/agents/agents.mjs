// Further real agents, each with a home of its own and nothing but a fake model to talk to.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installAgent } from '../../../bench/demo/claude-agent.mjs'
import { startFakeGemini } from './fake-gemini.mjs'
import { startFakeResponses } from './fake-responses.mjs'

/** Without the variables of a real account. */
function environment(home, extra) {
  mkdirSync(home, { recursive: true })
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(GEMINI_|GOOGLE_|OPENAI_|CODEX_|IS_SANDBOX)/.test(name),
  )
  return { ...Object.fromEntries(own), HOME: home, NO_PROXY: '127.0.0.1', ...extra }
}

/**
 * gemini-cli, by its name, as acpx knows it by that. Without what it builds by node-gyp (it does without).
 *
 * @returns {Promise<import('../../../bench/demo/agents.mjs').Agent>}
 */
export async function geminiAgent(directory) {
  const options = ['--omit=optional', '--ignore-scripts']
  const { name, bin } = await installAgent('@google/gemini-cli@0.61.0', 'gemini', 100, options)
  const model = await startFakeGemini()
  const extra = {
    // acpx gives it 15 s, which is little on a busy machine
    ACPX_GEMINI_ACP_STARTUP_TIMEOUT_MS: '120000',
    GEMINI_API_KEY: 'none',
    GOOGLE_GEMINI_BASE_URL: model.url,
    PATH: `${bin}:${process.env.PATH}`,
  }
  const env = environment(join(directory, 'gemini'), extra)
  return { title: name, command: 'gemini', args: ['--acp'], env, processes: 1, end: () => model.close() }
}

/** @returns {Promise<import('../../../bench/demo/agents.mjs').Agent>} */
export async function codexAgent(directory) {
  const { name, binary } = await installAgent('@agentclientprotocol/codex-acp@2.6.0', 'codex-acp', 450)
  const model = await startFakeResponses()
  const home = join(directory, 'codex')
  // Its sandbox needs what a container may not have, and is not what is tried here
  const extra = {
    CODEX_HOME: home,
    OPENAI_API_KEY: 'none',
    FAKE_KEY: 'none',
    INITIAL_AGENT_MODE: 'agent-full-access',
  }
  const env = environment(home, extra)
  writeFileSync(
    join(home, 'config.toml'),
    `model = "gpt-5"
model_provider = "fake"
[model_providers.fake]
name = "fake"
base_url = "${model.url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
`,
  )
  return { title: name, command: binary, args: [], env, processes: 2, end: () => model.close() }
}
