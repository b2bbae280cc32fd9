// What this plugin takes of OpenClaw's plugin API (openclaw/plugin-sdk/plugin-entry), by its shape alone: the package is large,
// and test/e2e/openclaw has the compiler compare the two.

/** The sessions that a hook of subagents is about. */
export interface SubagentContext {
  childSessionKey?: string
  requesterSessionKey?: string
}

export interface Hooks {
  gateway_start: (event: unknown) => void
  /** OpenClaw waits for this one: 5 s. */
  gateway_stop: (event: { reason?: string }) => Promise<void>
  session_end: (event: { sessionKey?: string; reason?: string }) => void
  subagent_spawned: (event: unknown, context: SubagentContext) => void
  /** Tells of agents behind ACP, too, which `subagent_spawned` does not. */
  subagent_progress: (event: unknown, context: SubagentContext) => void
  subagent_ended: (event: { targetSessionKey: string; reason: string }) => void
}

type On<Name extends keyof Hooks> = (name: Name, handler: Hooks[Name]) => void

export interface PluginApi {
  /** Where the package is installed. */
  rootDir?: string
  pluginConfig?: Record<string, unknown>
  logger: { info(text: string): void; warn(text: string): void }
  on: On<'gateway_start'> &
    On<'gateway_stop'> &
    On<'session_end'> &
    On<'subagent_spawned'> &
    On<'subagent_progress'> &
    On<'subagent_ended'>
}
