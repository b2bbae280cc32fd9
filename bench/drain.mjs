// What it costs at the end of a oneshot session to look whether what it leaves still works: five sleeping daemons, which are then
// killed as they are without a look (`drainMs: 0`), held by each mechanism.
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openCorral } from 'corral'
import { runBench } from './harness.mjs'
import { firstLine } from './sleeping-processes.mjs'
import { median } from './statistics.mjs'

const ROUNDS = 101
const DAEMONS = 5
const MAX_RATIO = 1.2
const SCRIPT = `for i in $(seq ${DAEMONS}); do sleep 1000 & all="$all $!"; done; echo $all; read line`
const ASLEEP_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 2

const sleeps = (pid) =>
  /^Name:\s*sleep\n(?:.*\n)*State:\s*S/.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** They have done with their start. */
async function asleep(pids) {
  for (
    const until = performance.now() + ASLEEP_WITHIN_MS;
    !pids.every(sleeps);
    await setTimeout(LOOK_EVERY_MS)
  )
    if (performance.now() > until) throw new Error('the daemons do not sleep')
}

/** From the end of the input, by which the leader ends, until nobody is there. */
async function measure(corral, drainMs) {
  const session = await corral.spawn({ command: 'sh', args: ['-c', SCRIPT], drainMs })
  await asleep((await firstLine(session.process.stdout)).split(' '))
  const began = performance.now()
  session.process.stdin.end()
  const { killed } = await session.closed
  const ms = performance.now() - began
  if (killed.count !== DAEMONS) throw new Error(`${killed.count} processes were killed`)
  return ms
}

async function measureAll(corral, rounds) {
  const found = { 'with a look': [], 'without one': [] }
  const ways = [
    ['with a look', 1000],
    ['without one', 0],
  ]
  for (let round = 0; round < rounds; round++)
    // In turns, so that both see the same weather
    for (const [name, drainMs] of round % 2 ? ways.toReversed() : ways)
      found[name].push(await measure(corral, drainMs))
  return found
}

await runBench('drain', async ({ pen, claims, rounds, record }) => {
  for (const [mechanism, options] of [
    ['cgroup', { root: pen.path, systemd: false }],
    ['subreaper', { backend: 'subreaper' }],
  ]) {
    const corral = await openCorral(options)
    try {
      const found = await measureAll(corral, rounds(ROUNDS))
      record(`the end of a oneshot session that leaves ${DAEMONS} daemons, held by ${mechanism}`, 'ms', found)
      const ratio = median(found['with a look'].map((ms, round) => ms / found['without one'][round]))
      claims.atMost(
        `${DAEMONS} daemons, held by ${mechanism}`,
        'with a look, as against none',
        ratio,
        MAX_RATIO,
      )
    } finally {
      await corral.close()
    }
  }
})
