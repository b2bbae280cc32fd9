// The gateway's process: `gateway.mjs ordinary|contained ROOT LOG`. Takes its orders over the IPC channel,
// many at once if need be, and answers each with { id, value } or { id, error }. Agents write their stderr to
// the file LOG.
import { openSync } from 'node:fs'
import { converse } from './conversation.mjs'

const [kind, root, log] = process.argv.slice(2)
const stderr = openSync(log, 'a')
const { openGateway } =
  kind === 'contained' ? await import('./contained.mjs') : await import('./ordinary.mjs')
const gateway = await openGateway(root)

const orders = {
  /** Starts one agent and takes it through a conversation, to the end of the first turn. */
  async begin({ prompt, ...session }) {
    const agent = await gateway.start({ ...session, stderr })
    return converse(agent, { cwd: session.cwd, prompt })
  },
  close: (key) => gateway.close(key),
  reset: (parentKey) => gateway.resetParent(parentKey),
}

process.on('message', async ({ id, order, argument }) => {
  try {
    process.send({ id, value: await orders[order](argument) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})
// The demo is gone: its guard empties the pen, and there is nobody left to answer to.
process.on('disconnect', () => process.exit(1))
// Ready.
process.send({ id: 0 })
