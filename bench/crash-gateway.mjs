// The gateway that crash.mjs ends: starts SESSIONS sessions of PROCESSES processes each, prints one line of JSON with
// their pids, and idles until it is killed, or until its input ends.
//
//   node crash-gateway.mjs corral SESSIONS PROCESSES ROOT      each in a session of Corral's
//   node crash-gateway.mjs poller SESSIONS PROCESSES CGROUP    each in a process group, all watched by crash-poller.mjs

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCorral } from 'corral'
import { firstLine, readPids, SLEEPERS, startSleepers } from './sleeping-processes.mjs'

const POLLER = fileURLToPath(new URL('crash-poller.mjs', import.meta.url))

const [way, sessions, processes, directory] = process.argv.slice(2)

const ways = {
  async corral() {
    const corral = await openCorral({ root: directory })
    const pids = await startEach(async (number) => {
      const session = await corral.spawn({
        key: `session-${number}`,
        mode: 'persistent',
        command: SLEEPERS,
        args: [processes],
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      return readPids(session.process.stdout)
    })
    const instance = join(corral.root, 'corral', corral.id)
    return { pids, instance, sessions: join(instance, 'sessions') }
  },

  async poller() {
    const groups = []
    const pids = await startEach(async () => {
      const started = await startSleepers(directory, processes, { detached: true })
      groups.push(started.leader.pid)
      return started.pids
    })
    const poller = spawn(process.execPath, [POLLER, ...groups.map(String)], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if ((await firstLine(poller.stdout)) !== 'ready') throw new Error('the poller did not start')
    return { pids, sessions: directory }
  },
}

const started = await ways[way]()
process.stdin.on('end', () => process.exit()).resume()
console.log(JSON.stringify(started))

// One after another: how fast they start is not what is measured here.
async function startEach(start) {
  const pids = []
  for (let number = 0; number < Number(sessions); number++) pids.push(...(await start(number)))
  return pids
}
