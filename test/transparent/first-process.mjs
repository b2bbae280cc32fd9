// A gateway that is the first process of a pid namespace: says how its sessions end, and who is a zombie once they are over, and once
// it has closed: only what somebody else has left.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { openCorral } from '../../dist/index.js'
import { eventually } from '../support/eventually.js'

const status = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return '' // it has ended
  }
}
const zombies = () =>
  readdirSync('/proc').flatMap((pid) => /^Name:\s*(.*)\n(?:.*\n)*State:\s*Z/.exec(status(pid))?.[1] ?? [])
/** What holds a session outlives it by a moment. */
const left = async (count) => {
  await eventually('no others', () => zombies().length === count).catch(() => undefined)
  return zombies().join() || 'nobody'
}

const [way, root] = process.argv.slice(2)
await once(spawn('sh', ['-c', 'sleep 0.01 & exit 0'], { stdio: 'ignore' }), 'exit')
const others = await left(1)
const corral = await openCorral(way === 'cgroup' ? { root } : { backend: way })
const leaves = ['-c', '(setsid sleep 0.01 &); (sleep 0.01 & exit 0); sleep 0.1; exit 3']
const sessions = await Promise.all([1, 2, 3, 4].map(() => corral.spawn({ command: 'sh', args: leaves })))
const codes = await Promise.all(sessions.map(async ({ closed }) => (await closed).exitCode))
const { command, args, session } = await corral.wrap('sh', leaves)
codes.push((await once(spawn(command, args), 'exit'))[0])
await session.closed
const over = await left(1)
const own = once(spawn('sh', ['-c', 'exit 4']), 'exit')
await corral.close()
const closed = await left(1)
console.log(
  `first ${process.pid === 1}, codes ${codes}, ${await own}; others' ${others}; over: ${over}; closed: ${closed}`,
)
