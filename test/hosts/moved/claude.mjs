// The newest claude that was tried, as installAgent() takes it. Run, it installs that: guests have no network.
import { fileURLToPath } from 'node:url'
import { installAgent } from '../../../bench/demo/claude-agent.mjs'

export const NEWEST_CLAUDE = ['@agentclientprotocol/claude-agent-acp@0.101.0', 'claude-agent-acp', 400]

if (process.argv[1] === fileURLToPath(import.meta.url)) await installAgent(...NEWEST_CLAUDE)
