// A guard that has nothing to do does nothing: no time on a processor, no descriptor more.
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { test } from 'vitest'
import { descriptorsOf, statusOf } from '../../kernel/warden/warden.js'
import { members } from '../../support/cgroup-tree.js'
import { atRest, SLOWNESS, stays } from '../../support/eventually.js'
import { guardGroup } from '../../support/kill-both.js'
import { makePens } from '../../support/pens.js'
import { atPhase } from './gateway.js'

const IDLE_MS = 60_000

/** What of the guard may not change while it waits; the first field of schedstat is its processor time in ns. */
function observe(pid: number) {
  return {
    processorNs: readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0],
    switches: [statusOf(pid, 'voluntary_ctxt_switches'), statusOf(pid, 'nonvoluntary_ctxt_switches')],
    descriptors: descriptorsOf(pid),
    residentKb: statusOf(pid, 'VmRSS'),
  }
}

test(
  'a guard of 20 live sessions uses no processor time in a minute',
  async () => {
    await using pens = await makePens()
    const { gateway } = await atPhase(pens, 'idle')
    const [guard = 0] = await members(guardGroup(pens.root.path, gateway.instance))
    const before = await atRest(() => observe(guard))
    await stays(() => isDeepStrictEqual(observe(guard), before), {
      forMs: IDLE_MS,
      why: 'whatever it does by the clock it has done',
      stretched: false,
    })
    console.log(`an idle guard: ${before.residentKb} resident, 0 ns of processor time in ${IDLE_MS / 1000} s`)
    await gateway.kill()
  },
  IDLE_MS + 60_000 * SLOWNESS,
)
