// Ways to look after the memory of sessions. Each takes sessions ({ path, leader }), what each of them uses at least, in
// bytes, and calls `looked()` once for each look at one session; it returns the way to stop, and fails on what cannot
// be right.

import { setTimeout as pause } from 'node:timers/promises'
import si from 'systeminformation'
import { Watchdog } from '../build/js/backend/watchdog.js'
import { loadNative } from '../build/js/native/addon.js'

const FAR_BYTES = 2 ** 40
// Room for what the kernel counts in batches; the watchdog looks as often as it can in the last 20 MiB.
const NEAR = 1.03
const INTERVAL_MS = 1000

const native = loadNative()

export const samplers = {
  idle: async () => () => undefined,

  'watchdog, far': (sessions, expected, looked) =>
    watch(
      sessions.map(({ path }) => ({ path, cap: FAR_BYTES })),
      expected,
      looked,
    ),

  async 'watchdog, near'(sessions, expected, looked) {
    const capped = sessions.map(async ({ path }) => ({ path, cap: await capNear(path) }))
    return watch(await Promise.all(capped), expected, looked)
  },

  async systeminformation(sessions, expected, looked) {
    let stopped = false
    const sample = async () => {
      const used = sumByLeader((await si.processes()).list, sessions)
      for (const bytes of used.values()) check(bytes, expected)
      for (let i = 0; i < used.size; i++) looked()
    }
    const loop = async () => {
      while (!stopped) {
        const next = performance.now() + INTERVAL_MS
        await sample()
        if (!stopped) await pause(Math.max(next - performance.now(), 0))
      }
    }
    const over = loop()
    return () => {
      stopped = true
      return over
    }
  },
}

// One for all sessions, as the backend has it, and given to it directly: on a host with a memory controller it is not
// used by a session, and costs the same.
function watch(groups, expected, looked) {
  let stopped = false
  const watchdog = new Watchdog({
    async memoryUsed(path, cap) {
      const used = await native.memoryUsed(path, cap)
      if (stopped) return used // the session may be gone already
      check(used, expected)
      looked()
      return used
    },
  })
  const stops = groups.map(({ path, cap }) =>
    watchdog.watch({
      path,
      cap: () => cap,
      over: (used) => fail(`${path} uses ${used} bytes, and its cap is ${cap}`),
    }),
  )
  return () => {
    stopped = true
    for (const stop of stops) stop()
  }
}

// The proportional sizes are just below it and the resident ones above, so that each look has to ask for both.
async function capNear(path) {
  const proportional = await native.memoryUsed(path, 0)
  const resident = await native.memoryUsed(path, Number.MAX_SAFE_INTEGER)
  const cap = Math.ceil(proportional * NEAR)
  if (resident < cap) throw new Error(`${path}: ${resident} bytes resident, and its cap is ${cap}`)
  return cap
}

// As one does it with pids: the leader of each session and all that descend from it.
function sumByLeader(processes, sessions) {
  const parents = new Map(processes.map(({ pid, parentPid }) => [pid, parentPid]))
  const used = new Map(sessions.map(({ leader }) => [leader, 0]))
  for (const { pid, memRss } of processes) {
    let at = pid
    while (at !== undefined && !used.has(at)) at = parents.get(at)
    if (at !== undefined) used.set(at, used.get(at) + memRss * 1024)
  }
  return used
}

function check(used, expected) {
  if (used < expected) fail(`a session of at least ${expected} bytes was found to use ${used}`)
}

// The watchdog takes what rejects for a group that is gone: so this ends the process.
function fail(message) {
  setImmediate(() => {
    throw new Error(message)
  })
}
