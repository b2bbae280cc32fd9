// Stands for @openclaw/acpx, which the npm registry does not have: the same acpx/runtime as the ACP backend of the real
// gateway, with the agents of the same configuration, and the key of the session in the environment of its MCP bridge.
// `forgetful`: it takes all agents for ended that it is to end.
import { registerAcpRuntimeBackend } from 'openclaw/plugin-sdk/acp-runtime-backend'

async function createBackend({ acpx, agents, bridge, stateDir, cwd, forgetful }) {
  const { createAcpRuntime, createAgentRegistry, createRuntimeStore } = await import(acpx)
  const overrides = Object.entries(agents).map(([name, { command, args }]) => [
    name,
    args ? [command, ...args] : command,
  ])
  const options = {
    cwd,
    sessionStore: createRuntimeStore({ stateDir }),
    agentRegistry: createAgentRegistry({ overrides: Object.fromEntries(overrides) }),
    permissionMode: 'approve-all',
  }
  const runtimes = new Map()
  // acpx takes the MCP servers with the runtime: one for each session, then, as @openclaw/acpx has it
  function runtimeOf(key) {
    const env = [{ name: 'OPENCLAW_TOOLS_MCP_AGENT_SESSION_KEY', value: key }]
    const mcpServers = [{ name: 'openclaw-tools', ...bridge, env }]
    if (!runtimes.has(key)) runtimes.set(key, createAcpRuntime({ ...options, mcpServers }))
    return runtimes.get(key)
  }
  const forget = async () => undefined
  return {
    ensureSession: (input) => runtimeOf(input.sessionKey).ensureSession(input),
    startTurn: (input) => runtimeOf(input.handle.sessionKey).startTurn(input),
    runTurn: (input) => runtimeOf(input.handle.sessionKey).runTurn(input),
    cancel: forgetful ? forget : (input) => runtimeOf(input.handle.sessionKey).cancel(input),
    close: forgetful ? forget : (input) => runtimeOf(input.handle.sessionKey).close(input),
    getStatus: (input) => runtimeOf(input.handle.sessionKey).getStatus(input),
    getCapabilities: () => runtimeOf('').getCapabilities(),
  }
}

export default {
  id: 'acpx',
  name: 'acpx',
  register(api) {
    api.registerService({
      id: 'acpx-runtime',
      async start() {
        registerAcpRuntimeBackend({ id: 'acpx', runtime: await createBackend(api.pluginConfig) })
      },
    })
  },
}
