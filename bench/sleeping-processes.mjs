// Groups of sleeping processes (floor/sleepers.c): starting them in a cgroup, and counting those that still
// live.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { floorProgram } from './floor.mjs'
import { entering } from './pen.mjs'

export const SLEEPERS = floorProgram('sleepers')

const MANY_UNREAPED = 500
const REAP_TIMEOUT_MS = 15_000
const REAP_POLL_MS = 5

const unreaped = []

/** Starts `count` sleepers in `cgroup` the classical way: by a shell that enters it first. */
export async function startSleepers(cgroup, count, { detached = false } = {}) {
  const leader = spawn(...entering(cgroup, SLEEPERS, [String(count)]), {
    detached,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { leader, pids: await readPids(leader.stdout) }
}

/** Reads the line with which the sleepers say that all of them run. */
export async function readPids(stdout) {
  const line = await firstLine(stdout)
  const [word, ...pids] = line.split(' ')
  if (word !== 'ready') throw new Error(`the sleepers did not start: ${JSON.stringify(line)}`)
  return pids.map(Number)
}

/** How many of these processes are alive. By pid and name, so that a reused pid does not count. */
export function countAlive(pids) {
  return pids.filter((pid) => !['gone', 'Z', 'X'].includes(stateOf(pid))).length
}

/**
 * Waits until dead sleepers are reaped, once there are many: reaping costs time that belongs to no sample,
 * but some inits reap only every few seconds, and to wait for that after each sample would take most of an
 * hour.
 */
export async function settleReaping(pids) {
  unreaped.push(...pids)
  if (unreaped.length < MANY_UNREAPED) return
  await waitUntilReaped(unreaped)
  unreaped.length = 0
}

/** Waits until none of these processes, all of which are dead, is a zombie any more. */
export async function waitUntilReaped(pids) {
  const deadline = Date.now() + REAP_TIMEOUT_MS
  while (pids.some((pid) => stateOf(pid) !== 'gone')) {
    if (Date.now() > deadline) throw new Error(`sleepers not reaped within ${REAP_TIMEOUT_MS} ms`)
    await setTimeout(REAP_POLL_MS)
  }
}

/** The first line of a stream; the rest is dropped, so that the stream can end. */
export async function firstLine(stream) {
  let first = ''
  for await (const line of createInterface({ input: stream })) {
    first = line
    break
  }
  stream.resume()
  return first
}

function stateOf(pid) {
  let stat
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return 'gone'
    throw error
  }
  const [, name, state] = /\((.*)\) (\S)/s.exec(stat)
  return name === 'sleepers' ? state : 'gone'
}
