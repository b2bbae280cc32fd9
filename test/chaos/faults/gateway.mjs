// A gateway in which calls fail, one after another, as its parent says. Usage, as a child with IPC:
// LD_PRELOAD=… CORRAL_FAULTS=CONTROL node gateway.mjs CONTROL PEN fresh|warm V1-MEMORY-CGROUP
import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { loadNative } from '../../../build/js/native/addon.js'
import { within } from '../../support/eventually.js'
import { Control } from './control.mjs'
import { faultsOf, leftSince, lookAround } from './judge.mjs'
import { endAll, OPERATIONS } from './operations.mjs'

// Longer than anything that gives up by itself (a guard that does not answer has 10 s).
const BOUND_MS = 60_000

const [controlPath, pen, state, twin] = process.argv.slice(2)
const root = `${pen}/root`
const places = { pen, root, twin }
const control = new Control(controlPath)
const stray = []

// What is started from here has its calls to itself
delete process.env.LD_PRELOAD
delete process.env.CORRAL_FAULTS
for (const event of ['unhandledRejection', 'uncaughtException'])
  process.on(event, (error) => stray.push(`${event}: ${error?.stack ?? error}`))

function addonText() {
  const line = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .find((one) => / r-xp .*corral\.node$/.test(one))
  return line
    .split(' ', 1)[0]
    .split('-')
    .map((hex) => BigInt(`0x${hex}`))
}

async function prepare() {
  mkdirSync(root, { recursive: true })
  if (twin) writeFileSync(`${twin}/cgroup.procs`, String(process.pid))
  loadNative()
  control.describe({ root, twin: twin && `${twin}/`, text: addonText() })
  await readFile('/proc/self/stat') // Node's own threads, and its inotify descriptor, are there from now on
  watch(pen, () => undefined)
  if (state === 'fresh') return
  for (const name of ['spawn', 'open without cgroups']) await withoutFaults(OPERATIONS[name])
}

async function withoutFaults({ before, during, opens }) {
  const state = await before?.(root)
  const made = await during(opens ? root : state)
  await endAll(opens ? made : state)
}

/** Settles with what came of it within the bound: { value }, { error } or { hangs }. */
async function outcomeOf(start) {
  const work = (async () => start())().then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  return within('it is over', work, BOUND_MS).catch(() => ({ hangs: true }))
}

async function record(name) {
  const { before, during, opens } = OPERATIONS[name]
  const state = await before?.(root)
  control.record()
  const made = await during(opens ? root : state)
  const calls = control.recorded()
  await endAll(opens ? made : state)
  return { calls }
}

/** Does the operation with that fault; tells what is wrong with what came of it. */
async function attempt(name, fault) {
  const { before, during, opens, whole } = OPERATIONS[name]
  const clean = lookAround(places)
  const state = await before?.(root)
  const ready = lookAround(places)
  control.arm(fault)
  const { value, error, hangs } = await outcomeOf(() => during(opens ? root : state))
  const fired = control.disarm()
  const problems = hangs ? ['hangs'] : []
  if (error) {
    problems.push(...faultsOf(error, fault))
    if (whole || opens)
      problems.push(...(await leftSince(ready, places)).map((left) => `after the failure, ${left}`))
  }
  const ended = await outcomeOf(() => endAll(opens ? value : state))
  if (ended.hangs) problems.push('close() hangs')
  if (ended.error) problems.push(`close() fails: ${ended.error.stack}`)
  problems.push(...(await leftSince(clean, places)), ...stray.splice(0))
  return { fired, failed: error !== undefined, message: error?.message, problems }
}

await prepare()
process.on('message', async ({ operation, fault }) => {
  process.send(await (fault ? attempt(operation, fault) : record(operation)))
})
process.on('disconnect', () => process.exit(0))
process.send({ ready: true })
