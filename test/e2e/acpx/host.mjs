// A program that embeds acpx, as the gateway's process: `host.mjs ordinary|contained ROOT LOG STATE COMMAND…`, where COMMAND
// is that of the agent. Both kinds are the same but for corral/acpx.
import { createAcpRuntime, createAgentRegistry, createRuntimeStore } from 'acpx/runtime'
import { openCorral } from 'corral'
import { openRuntime } from '../../../docs/recipes/acpx.mjs'

const [kind, root, , stateDir, ...argv] = process.argv.slice(2)
const options = {
  cwd: process.cwd(),
  sessionStore: createRuntimeStore({ stateDir }),
  agentRegistry: createAgentRegistry({ overrides: { agent: argv } }),
  permissionMode: 'approve-all',
}

async function open() {
  if (kind === 'ordinary') return createAcpRuntime(options)
  const corral = await openCorral({ root })
  // 'a/b' is a child of 'a'
  const parentKeyOf = (key) => (key.includes('/') ? key.slice(0, key.lastIndexOf('/')) : undefined)
  const rules = { parentKeyOf, graceMs: 500, patienceMs: 4000, shims: stateDir }
  return (await openRuntime(corral, options, rules)).runtime
}

const runtime = await open()
const handles = new Map()
const turns = new Map()
let requests = 0

const orders = {
  /** Starts a turn, and waits for its end unless it is told not to. */
  async turn({ key, mode, prompt, wait }) {
    const handle = await runtime.ensureSession({ sessionKey: key, agent: 'agent', mode })
    handles.set(key, handle)
    const turn = runtime.startTurn({
      handle,
      text: prompt,
      mode: 'prompt',
      requestId: `request-${++requests}`,
    })
    turn.result.catch(() => undefined)
    turns.set(key, turn)
    return wait ? turn.result : undefined
  },
  result: (key) => turns.get(key).result,
  close: ({ key, reason }) => runtime.close({ handle: handles.get(key), reason }),
  cancel: (key) => runtime.cancel({ handle: handles.get(key) }),
  reset: (key) => runtime.prepareFreshSession({ handle: handles.get(key) }),
}

process.on('message', async ({ id, order, argument }) => {
  try {
    process.send({ id, value: await orders[order](argument) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})
process.on('disconnect', () => process.exit(1))
process.send({ id: 0 })
