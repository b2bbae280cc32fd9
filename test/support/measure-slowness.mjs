// How slow the machine is, measured once at the start of a run by a small mix of what the tests do.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Its own slowness, and with what else it does
const SLOWNESS = 'CORRAL_TEST_MACHINE_SLOWNESS'
const STRETCH = 'CORRAL_TEST_SLOWNESS'
const ROUNDS = 3
// A machine that is busier than that now will hardly be for the whole run; and bounds suffice for ten times as slow as it is
const STRETCH_AT_MOST = 10
const MS_PER_TICK = 10 // proc(5): USER_HZ, 100 on Linux

const LOOPS = 100_000_000
const EXECS = 200
const STARTS = 5

function spin() {
  let number = 1
  for (let i = 0; i < LOOPS; i++) number = (Math.imul(number, 1103515245) + 12345) | 0
  return number
}

function execs() {
  spawnSync('/bin/sh', ['-c', `i=0; while [ $i -lt ${EXECS} ]; do /bin/true; i=$((i+1)); done`])
}

function starts() {
  for (let i = 0; i < STARTS; i++) spawnSync(process.execPath, ['-e', ''])
}

// The reference: 2 processors of an Intel Xeon (family 6, model 167, 2.6 GHz) in a Firecracker guest, Linux 6.18, Node 20.20. The
// CPU time (user and system) of each part there, the median of six calls of `timed`, in milliseconds.
const PARTS = [
  { name: 'start of Node', run: starts, referenceMs: 284 },
  { name: 'fork and exec', run: execs, referenceMs: 131 },
  { name: 'a loop', run: spin, referenceMs: 103 },
]

/** The CPU time of this process and of its children that have ended, in milliseconds. */
function cpuMs() {
  const { user, system } = process.cpuUsage()
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (user + system) / 1000 + (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK
}

function timed(run) {
  const [from, cpuFrom] = [performance.now(), cpuMs()]
  run()
  return { ms: performance.now() - from, cpuMs: cpuMs() - cpuFrom }
}

const round = (number) => Math.round(number * 100) / 100

/**
 * `slowness`: how many times the CPU time of the reference machine the mix takes here, which does not depend on what
 * others do meanwhile. `stretch`: how many times the reference's time its slowest part took by the clock, with what others
 * do meanwhile, in the median of the rounds; that is what bounds are multiplied by: a whole number, from 1 to 10.
 */
function measure() {
  const rounds = Array.from({ length: ROUNDS }, () =>
    PARTS.map(({ run, referenceMs }) => {
      const { ms, cpuMs } = timed(run)
      return { clock: ms / referenceMs, cpu: cpuMs / referenceMs }
    }),
  )
  // The geometric mean of the parts, each at its best
  const best = PARTS.map((_, part) => Math.min(...rounds.map((parts) => parts[part].cpu)))
  const slowness = best.reduce((product, ratio) => product * ratio, 1) ** (1 / best.length)
  const slowest = rounds.map((parts) => Math.max(...parts.map(({ clock }) => clock))).sort((a, b) => a - b)
  const stretch = Math.min(Math.max(1, Math.round(slowest[(ROUNDS - 1) / 2])), STRETCH_AT_MOST)
  return { slowness: round(slowness), stretch }
}

function inWords({ slowness, stretch }) {
  return `this machine is s = ${slowness} times slower than the reference, and with what else it does now ${stretch} times`
}

/** By how much the bounds of this run are stretched, as the environment says; undefined where it does not. */
function givenStretch() {
  const given = process.env[STRETCH]
  if (given === undefined) return undefined
  const stretch = Number(given)
  if (Number.isSafeInteger(stretch) && stretch >= 1) return stretch
  throw new Error(`${STRETCH} has to be a whole number, 1 or more; it is '${given}'`)
}

/**
 * That of this run: measured at its start, and said in the environment to all processes that this one starts. A stretch that
 * is given is the one that counts.
 */
export function slownessOfRun() {
  const known = process.env[SLOWNESS]
  if (known !== undefined) return { slowness: Number(known), stretch: givenStretch() ?? 1 }
  const measured = measure()
  console.error(inWords(measured))
  const { slowness, stretch } = { ...measured, stretch: givenStretch() ?? measured.stretch }
  process.env[SLOWNESS] = String(slowness)
  process.env[STRETCH] = String(stretch)
  return { slowness, stretch }
}

export const stretchOfRun = () => givenStretch() ?? slownessOfRun().stretch

// As a program, for scripts: prints the stretch of this run, times what is given: node measure-slowness.mjs [FACTOR]
if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(stretchOfRun() * Number(process.argv[2] ?? 1))
