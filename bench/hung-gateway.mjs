// A gateway of 20 sessions, for hung.mjs: the last one's start hangs where PROGRAM is given. Prints as JSON how long the others'
// spawns, closes and a restart of its guard took, in ms, and the pids that are left to be ended by its death.
// Usage: node hung-gateway.mjs ROOT [PROGRAM]
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCorral } from 'corral'

const SESSIONS = 20
const TRIES = 20
const SETTLED_MS = 50

const [root, program] = process.argv.slice(2)
const corral = await openCorral({ root, systemd: false, startTimeoutMs: 10 * 60_000 })
const sleeping = (key) =>
  corral.spawn({ key, mode: 'persistent', command: 'sleep', args: ['1000'], stdio: 'ignore' })

async function timed(work) {
  const began = performance.now()
  const result = await work()
  return { ms: performance.now() - began, result }
}

const others = await Promise.all(
  Array.from({ length: SESSIONS - 1 }, (_, index) => sleeping(`other ${index}`)),
)
if (program === undefined) await sleeping('last')
else corral.spawn({ key: 'hung', command: program }).catch(() => undefined)
await sleep(SETTLED_MS)

const spawn = []
const close = []
for (let i = 0; i < TRIES; i++) {
  const { ms, result } = await timed(() => sleeping(`more ${i}`))
  spawn.push(ms)
  close.push((await timed(() => result.close({ graceMs: 0 }))).ms)
}
const guard = readFileSync(`${root}/corral/${corral.id}/warden/cgroup.procs`, 'utf8').split('\n')[0]
const { ms: restart } = await timed(() => {
  const restarted = new Promise((resolve) =>
    corral.on('guard', ({ event }) => event === 'restarted' && resolve()),
  )
  process.kill(Number(guard), 'SIGKILL')
  return restarted
})
console.log(JSON.stringify({ spawn, close, restart, pids: others.map(({ process: { pid } }) => pid) }))
await once(process.stdin, 'data')
