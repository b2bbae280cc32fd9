// A gateway that is killed by SIGKILL, whatever it is doing: moments later nothing of it is left, and nobody had to
// start anything for that.
import { expect, test } from 'vitest'
import { members } from '../../support/cgroup-tree.js'
import type { Gateway } from '../../support/gateway.js'
import { makePens, nothingLeft, type Pens } from '../../support/pens.js'
import { atPhase, dead, elapse, instanceDirectory, type Phase, PROCESSES } from './gateway.js'
import { whole } from './numbers.js'
import { type Round, runRounds, timeoutOf } from './rounds.js'
import { Tally } from './tally.js'

const ROUNDS = whole('CORRAL_CRASH_ROUNDS', { least: 1 }) ?? 300

interface Way {
  phase: Phase
  /** The kill comes at a random moment of this time: as long as the phase takes, and some more. */
  withinMs: number
  before?: (pens: Pens) => Promise<void>
  /** Default: by its pid. */
  kill?: (gateway: Gateway, pens: Pens) => Promise<void>
}

const killByPid = (gateway: Gateway) => gateway.kill()

/** By cgroup.kill of the cgroup that it lives in, as service managers and container runtimes kill. */
async function killWithItsGroup(gateway: Gateway, { gateways }: Pens): Promise<void> {
  await gateways.kill()
  await dead(gateway)
}

/** An instance whose gateway and guard are both dead, and whose sessions live. */
async function leaveDeadInstance(pens: Pens): Promise<void> {
  const { gateway } = await atPhase(pens, 'idle')
  await gateway.killWithGuard(pens.root.path)
  expect(await members(instanceDirectory(pens, gateway))).toHaveLength(PROCESSES)
}

const phases: [string, Way[]][] = [
  ['in open', [{ phase: 'open', withinMs: 25 }]],
  ['in spawn', [{ phase: 'spawn', withinMs: 80 }]],
  ['in idle', [{ phase: 'idle', withinMs: 20 }]],
  [
    'in close',
    [
      { phase: 'close sessions', withinMs: 130 },
      { phase: 'close corral', withinMs: 130 },
      { phase: 'close at once', withinMs: 25 },
    ],
  ],
  [
    'in reset',
    [
      { phase: 'reset', withinMs: 20 },
      { phase: 'reset politely', withinMs: 120 },
    ],
  ],
  ['in sweep', [{ phase: 'sweep', withinMs: 30, before: leaveDeadInstance }]],
  [
    'with its cgroup',
    [
      { phase: 'spawn', withinMs: 80, kill: killWithItsGroup },
      { phase: 'idle', withinMs: 20, kill: killWithItsGroup },
      { phase: 'close sessions', withinMs: 130, kill: killWithItsGroup },
      { phase: 'reset', withinMs: 20, kill: killWithItsGroup },
    ],
  ],
]

// Killing its group as well comes on top of the rounds that were asked for
const SHARING = phases.length - 1

/** What each phase gets of the rounds: all of them at least one. */
const share = (index: number) => Math.max(1, Math.floor((ROUNDS + index) / SHARING))

async function killAtRandom(ways: readonly Way[], { random, note }: Round, tally: Tally) {
  const { phase, withinMs, before, kill = killByPid } = random.pick(ways)
  const delayMs = random.fraction() * withinMs
  note(`killed ${delayMs.toFixed(2)} ms into '${phase}'`)
  await using pens = await makePens()
  await before?.(pens)
  const { gateway, begun } = await atPhase(pens, phase)
  await elapse(delayMs)
  const killedAt = performance.now() // timer: printed
  await kill(gateway, pens)
  await nothingLeft(pens)
  const goneMs = performance.now() - killedAt // timer: as above
  await dead(gateway)
  tally.add(goneMs, begun.isDone)
}

for (const [index, [name, ways]] of phases.entries()) {
  const rounds = share(index)
  test(
    `nothing outlives a gateway killed ${name}`,
    async ({ signal }) => {
      const tally = new Tally(name)
      const one = (round: Round) => killAtRandom(ways, round, tally)
      await runRounds({ name, count: rounds, signal }, (work) => work(undefined), one)
      tally.print()
      expect(tally.rounds).toBe(rounds)
      tally.expectSomeInside()
    },
    timeoutOf(rounds),
  )
}
