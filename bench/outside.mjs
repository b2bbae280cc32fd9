// What it costs an ending to look who was moved out of the session, with 300 other processes on the host: the end of a group
// with that look, and without, against one such look in C, in interleaved rounds.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { loadNative } from '../build/js/native/addon.js'
import { floorProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { interleave } from './rounds.mjs'
import { startSleepers } from './sleeping-processes.mjs'
import { median, pick } from './statistics.mjs'

const ROUNDS = 200
const WARMUP = 10
const OTHERS = 300
const MAX_LOOKS = 1.2
// Before each: the kernel tells of a change in cgroup.events every 10 ms at most; and a look at processes that were just looked
// at, in a warm cache, takes a fifth of the time.
const PAUSE_MS = 25

await runBench('outside', async ({ pen, claims, rounds, record }) => {
  const native = loadNative()
  await startSleepers(pen.directory('others'), OTHERS)
  let serial = 0
  const floor = spawn(floorProgram('look-floor'), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: floor.stdout })[Symbol.asyncIterator]()

  const end = (outside) => async () => {
    const group = pen.directory(`group-${serial++}`)
    await startSleepers(group, 1)
    const plan = { graceMs: 0, killMs: 10_000, freeze: false, remove: true, outside }
    await setTimeout(PAUSE_MS)
    const begun = performance.now()
    await native.endGroup(group, plan)
    return { ms: performance.now() - begun }
  }
  const look = async () => {
    await setTimeout(PAUSE_MS)
    floor.stdin.write('look\n')
    return { ms: Number((await lines.next()).value.split(' ')[0]) }
  }
  try {
    const subjects = { 'with the look': end(true), without: end(false), 'a look in C': look }
    const times = pick(await interleave({ rounds: rounds(ROUNDS), warmup: WARMUP, subjects }), 'ms')
    record(`the end of a group, with ${OTHERS} other processes`, 'ms', times)
    const more = median(times['with the look'].map((ms, round) => ms - times.without[round]))
    const looks = more / median(times['a look in C'])
    claims.atMost('what the look costs an ending', 'looks in C', looks, MAX_LOOKS)
  } finally {
    floor.kill()
  }
})
