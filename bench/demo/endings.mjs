// The three ways in which sessions end, and how each is measured: start a gateway, give it its sessions, end
// them, count what is alive.
import { startGateway } from './gateway-process.mjs'
import { LEAVING_PROMPT, LEFTOVERS_PER_PROMPT } from './leftovers.mjs'
import { lastingSurvivors, survivors } from './survivors.mjs'

const PARENT_KEY = 'agent:main:main'

// What an ending has promised is gone must be gone; only a gateway that dies has promised nothing, and the
// exit of a process that was killed takes the kernel a moment. The same for both gateways.
const LOOKS = 20

export const ENDINGS = [
  {
    name: 'oneshot completion',
    mode: 'oneshot',
    async end(gateway, keys) {
      await Promise.all(keys.map((key) => gateway.order('close', key)))
      return gateway
    },
  },
  {
    name: 'parent reset',
    mode: 'persistent',
    async end(gateway) {
      await gateway.order('reset', PARENT_KEY)
      return gateway
    },
  },
  {
    name: 'gateway SIGKILL, restart',
    mode: 'persistent',
    async end(gateway, _keys, startAgain) {
      await gateway.crash()
      return startAgain()
    },
  },
]

/**
 * Starts one gateway and all its sessions and takes each through its first turn. Rejects when they are not
 * all up with what their prompts leave, as there would be nothing to compare. Resolves to the second half,
 * which ends the sessions and counts: apart, because that half mostly waits.
 *
 * @returns {Promise<() => Promise<{ before: number, survivors: number, bytes: number }>>}
 */
export async function begin(kind, { ending, agent, place, log, scratch, sessions }) {
  const room = place.room(`${kind} ${ending.name}`.replaceAll(/\W+/g, '-'))
  const start = () => startGateway({ kind, ...room, log })
  const keys = Array.from({ length: sessions }, (_, index) => `agent:main:acp:${index + 1}`)
  const { command, args, env } = agent
  const session = {
    parentKey: PARENT_KEY,
    mode: ending.mode,
    command,
    args,
    env,
    cwd: scratch,
    prompt: LEAVING_PROMPT,
  }

  const gateway = await start()
  await Promise.all(keys.map((key) => gateway.order('begin', { key, ...session })))
  const before = survivors(room, gateway.pid).length
  const expected = sessions * (agent.processes + LEFTOVERS_PER_PROMPT)
  if (before < expected) throw new Error(`${ending.name}, ${kind}: ${before} processes of ${expected} are up`)

  return async () => {
    const last = await ending.end(gateway, keys, start)
    const alive = await lastingSurvivors(room, last.pid, LOOKS)
    // They are counted, and others want the memory.
    room.empty()
    return { before, survivors: alive.length, bytes: alive.reduce((sum, { bytes }) => sum + bytes, 0) }
  }
}
