// Ends all processes with a mark as soon as its input ends, which the kernel sees to even when the process that started this is killed:
// mark-guard.mjs HARD-LIMIT MAKER. The maker's own process is left. Exits with 1 when some are left after ten seconds.
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { endMarked } from './marks.mjs'

const END_MS = 10_000

process.stdin.resume()
await once(process.stdin, 'close')
const deadline = performance.now() + END_MS
const [hard, but] = process.argv.slice(2).map(Number)
while (endMarked({ hard }, { but }) > 0) {
  if (performance.now() > deadline) process.exit(1)
  await delay(50)
}
