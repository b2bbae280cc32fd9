// A gateway that is the first process of a pid namespace: says how many zombies it has when its sessions are over.
import { readdirSync, readFileSync } from 'node:fs'
import { openCorral } from '../../dist/index.js'
import { eventually } from '../support/eventually.js'

const isZombie = (pid) => {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false // it has ended
  }
}
const [way, root] = process.argv.slice(2)
const corral = await openCorral(way === 'cgroup' ? { root } : { backend: way })
const leaves = ['-c', '(setsid sleep 0.01 &); (sleep 0.01 & exit 0); sleep 0.1; exit 3']
const sessions = await Promise.all([1, 2, 3, 4].map(() => corral.spawn({ command: 'sh', args: leaves })))
const codes = await Promise.all(sessions.map(async ({ closed }) => (await closed).exitCode))
const zombies = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isZombie(name)).length
// What holds a session outlives it by a moment
await eventually('no zombies', () => zombies() === 0).catch(() => undefined)
const left = zombies()
await corral.close()
console.log(`first ${process.pid === 1}, codes ${codes}, zombies ${left}`)
