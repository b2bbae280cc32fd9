// A gateway and its guard both killed: one sweep leaves nothing of them, and all of the gateway that lives beside
// them, to the last process.
import { expect, test } from 'vitest'
import { corral } from '../../cli/command-line.js'
import { members } from '../../support/cgroup-tree.js'
import { guardGroup } from '../../support/kill-both.js'
import { makePens, type Pens } from '../../support/pens.js'
import { atPhase, dead, elapse, instanceDirectory, PROCESSES } from './gateway.js'
import { inventory, onlyLeft } from './left.js'
import { whole } from './numbers.js'
import { type Round, runRounds, timeoutOf } from './rounds.js'

const ROUNDS = whole('CORRAL_CRASH_BOTH_ROUNDS', { least: 1 }) ?? 100
// The rarer case
const ROUNDS_GUARD_FIRST = Math.ceil(ROUNDS / 4)

// Long enough for another guard to be half-way, or in place.
const GUARD_FIRST_MS = 10

// A guard that was just started collects too; the sweep lets it, and does not wait for it.
const COLLECTED_WITHIN_MS = 20_000

/** In these an instance keeps its guard, however far they have come; `alive` is how many processes it has at least. */
const phases = [
  { phase: 'spawn', withinMs: 80, alive: 0 },
  { phase: 'idle', withinMs: 20, alive: PROCESSES },
  { phase: 'close sessions', withinMs: 130, alive: 0 },
  { phase: 'reset', withinMs: 20, alive: (PROCESSES * 3) / 4 },
] as const

type Inventory = Awaited<ReturnType<typeof inventory>>

interface Place {
  pens: Pens
  /** What is there when only the neighbour is. */
  before: Inventory
}

async function besideNeighbour(work: (place: Place) => Promise<void>): Promise<void> {
  await using pens = await makePens()
  const { gateway: neighbour } = await atPhase(pens, 'idle')
  const [processes, guard] = await Promise.all([
    members(instanceDirectory(pens, neighbour)),
    members(guardGroup(pens.root.path, neighbour.instance)),
  ])
  expect([processes.length, guard.length]).toEqual([PROCESSES + 1, 1])
  await work({ pens, before: await inventory(pens) })
  await neighbour.kill()
}

async function atRandomMoment({ pens }: Place, { random, note }: Round) {
  const { phase, withinMs, alive } = random.pick(phases)
  const delayMs = random.fraction() * withinMs
  note(`interrupted ${delayMs.toFixed(2)} ms into '${phase}'`)
  const { gateway } = await atPhase(pens, phase)
  await elapse(delayMs)
  return { gateway, alive }
}

async function sweep({ pens }: Place): Promise<void> {
  const { status, stderr } = await corral(['sweep', '--root', pens.root.path])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
}

async function killTogether(round: Round, place: Place): Promise<void> {
  const { gateway, alive } = await atRandomMoment(place, round)
  await gateway.killWithGuard(place.pens.root.path)
  await dead(gateway)
  const left = await members(instanceDirectory(place.pens, gateway))
  expect(left.length).toBeGreaterThanOrEqual(alive)
  await sweep(place)
  await onlyLeft(place.pens, place.before, 0)
}

async function killGuardFirst(round: Round, place: Place): Promise<void> {
  const { gateway } = await atRandomMoment(place, round)
  const delayMs = round.random.fraction() * GUARD_FIRST_MS
  round.note(`gateway killed ${delayMs.toFixed(2)} ms after its guard`)
  const [guard = 0, ...others] = await members(guardGroup(place.pens.root.path, gateway.instance))
  expect([guard > 0, others]).toEqual([true, []])
  process.kill(guard, 'SIGKILL')
  await elapse(delayMs)
  await gateway.kill()
  await sweep(place)
  await onlyLeft(place.pens, place.before, COLLECTED_WITHIN_MS)
}

test(
  'a sweep collects a gateway killed together with its guard',
  async ({ signal }) => {
    await runRounds({ name: 'both', count: ROUNDS, signal }, besideNeighbour, killTogether)
  },
  timeoutOf(ROUNDS),
)

test(
  'a sweep collects a gateway killed while it replaces its guard',
  async ({ signal }) => {
    const series = { name: 'guard first', count: ROUNDS_GUARD_FIRST, signal }
    await runRounds(series, besideNeighbour, killGuardFirst)
  },
  timeoutOf(ROUNDS_GUARD_FIRST),
)
