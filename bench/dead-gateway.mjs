// Ends a gateway together with its guard, as when the whole machine's memory ran out: what it held is left for a sweep.

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { killCgroup } from './pen.mjs'

/** `gateway` is its process, `instance` the directory of its instance. It is stopped first: it cannot start another guard. */
export async function killWithGuard(gateway, instance) {
  const exited = once(gateway, 'exit')
  gateway.kill('SIGSTOP')
  while (!isStopped(gateway.pid)) await setTimeout(1)
  killCgroup(join(instance, 'warden'))
  gateway.kill('SIGKILL')
  await exited
}

function isStopped(pid) {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.every((thread) =>
    /^State:\tT/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')),
  )
}
