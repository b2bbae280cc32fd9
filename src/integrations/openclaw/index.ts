// corral/openclaw: a plugin of OpenClaw. Its agents are started by `corral run` (`corral setup openclaw`); this ends what is
// left of them when OpenClaw says that a session is over. It is never in the gateway's way: nothing here throws, and OpenClaw
// waits for nothing but the end of all at its own.
import { fileURLToPath } from 'node:url'
import type { PluginApi, SubagentContext } from './api.js'
import { Families } from './families.js'
import { GatewaySessions } from './gateway.js'

/** Why a session ends with what it had start; not for `compaction`, `idle` and the like, where it goes on. */
const OVER = new Set(['new', 'reset', 'deleted'])
/** Of `subagent_ended`, where `session_end` tells of the same. */
const TOLD = new Set(['session-reset', 'session-delete'])
/** Of `gateway_stop`, where the gateway goes on. */
const REPLACED = 'plugin replacement'
const GRACE_MS = 1000
const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url))

const FAMILIES = Symbol.for('corral.openclaw.families')
/** Those of the process: OpenClaw loads a plugin anew when its configuration changes. */
const shared = globalThis as { [FAMILIES]?: Families }
shared[FAMILIES] ??= new Families()
const families = shared[FAMILIES]

export default {
  id: 'corral',
  name: 'Corral',
  description: 'Ends processes that agent sessions leave behind',
  register,
}

function register(api: PluginApi): void {
  const { root, graceMs = GRACE_MS } = (api.pluginConfig ?? {}) as { root?: string; graceMs?: number }
  const sessions = new GatewaySessions(api.rootDir ?? PACKAGE, root)

  async function attempt(what: string, work: () => Promise<string[]>): Promise<void> {
    try {
      for (const line of await work()) api.logger.info(`${what}: ${line}`)
    } catch (error) {
      api.logger.warn(`${what}: ${error instanceof Error ? error.message : error}`)
    }
  }

  const end = (why: string, keys: ReadonlySet<string> | 'all') =>
    attempt(why, () => sessions.end(keys, graceMs, (text) => api.logger.warn(`${why}: ${text}`)))

  function over(why: string, key: string, staysOn: boolean): void {
    const family = families.of(key)
    if (!staysOn) families.forget(family)
    void end(`${why} of ${key}`, family)
  }

  function join(_: unknown, { childSessionKey, requesterSessionKey }: SubagentContext): void {
    if (childSessionKey && requesterSessionKey) families.join(childSessionKey, requesterSessionKey)
  }

  api.on('gateway_start', () => void attempt('sweep', () => sessions.sweep()))
  api.on('subagent_spawned', join)
  api.on('subagent_progress', join)
  api.on('subagent_ended', ({ targetSessionKey, reason }) => {
    if (!TOLD.has(reason)) over(reason, targetSessionKey, false)
  })
  api.on('session_end', ({ sessionKey, reason }) => {
    if (sessionKey && reason && OVER.has(reason)) over(`session ${reason}`, sessionKey, reason !== 'deleted')
  })
  api.on('gateway_stop', async ({ reason }) => {
    if (reason !== REPLACED) await end('gateway stop', 'all')
  })
}
