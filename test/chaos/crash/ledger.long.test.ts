// The ledger of a gateway that is killed at a random moment, a third of them with their guards, so that the next start sweeps: each
// session is in it, and as it is read none is in it twice.
import { createReadStream, statSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCorral } from '../../../src/index.js'
import type { LedgerLine } from '../../../src/ledger/line.js'
import { Reader } from '../../../src/ledger/read.js'
import { isPopulated, subtree } from '../../support/cgroup-tree.js'
import { eventually } from '../../support/eventually.js'
import { makePens, type Pens } from '../../support/pens.js'
import { atPhase, elapse, instanceDirectory } from './gateway.js'
import { whole } from './numbers.js'
import { type Round, runRounds, timeoutOf } from './rounds.js'

const ROUNDS = whole('CORRAL_CRASH_ROUNDS', { least: 1 }) ?? 300
const WITH_GUARD = 1 / 3
// What is left of processes that end is counted after the look, and a clock tick is more than some sessions use
const CPU_WITHIN = 0.01

const phases = [
  { phase: 'idle', withinMs: 20 },
  { phase: 'close sessions', withinMs: 130 },
  { phase: 'reset', withinMs: 20 },
] as const

interface Place {
  pens: Pens
  directory: string
}

const counts = {
  rounds: 0,
  withGuard: 0,
  sessions: 0,
  missing: 0,
  doubles: 0,
  written: {} as Record<string, number>,
}

async function placed(work: (place: Place) => Promise<void>): Promise<void> {
  await using pens = await makePens()
  const directory = await mkdtemp(join(tmpdir(), 'corral-crash-ledger-'))
  try {
    await work({ pens, directory })
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function read(file: string): Promise<{ lines: LedgerLine[]; doubles: number }> {
  const lines: LedgerLine[] = []
  const reader = new Reader((line) => lines.push(line))
  await reader.read(createReadStream(file))
  expect(reader.counts.unreadable).toBe(0)
  return { lines, doubles: reader.counts.doubles }
}

const idOf = (directory: string) => String(statSync(directory, { bigint: true }).ino)

const cpuOf = async (directory: string) =>
  Number(/^usage_usec (\d+)/m.exec(await readFile(join(directory, 'cpu.stat'), 'utf8'))?.[1])

/** Ends all sessions as the kernel would find them, and tells what they all have used: those that were removed before, too. */
async function endAll(sessions: string): Promise<number> {
  await writeFile(join(sessions, 'cgroup.kill'), '1')
  await eventually('all sessions are empty', async () => !(await isPopulated(sessions)))
  return cpuOf(sessions)
}

async function killAtRandom({ random, note }: Round, { pens, directory }: Place): Promise<void> {
  const { phase, withinMs } = random.pick(phases)
  const delayMs = random.fraction() * withinMs
  const withGuard = random.fraction() < WITH_GUARD
  note(`${withGuard ? 'with its guard, ' : ''}${delayMs.toFixed(2)} ms into '${phase}'`)
  const ledger = join(directory, `${random.fraction()}.jsonl`)
  let ids: string[] = []
  const { gateway } = await atPhase(pens, phase, {
    ledger,
    placed: async (one) => {
      const sessions = join(instanceDirectory(pens, one), 'sessions')
      ids = (await subtree(sessions)).filter((path) => path.endsWith('/agent')).map(idOf)
    },
  })
  const instance = instanceDirectory(pens, gateway)
  await elapse(delayMs)
  let used: number | undefined
  if (withGuard) {
    await gateway.killWithGuard(pens.root.path)
    used = await endAll(join(instance, 'sessions'))
    const next = await openCorral({ root: pens.root.path, ledger })
    await next.close()
  } else {
    await gateway.kill()
    await eventually('nothing is left', async () => (await pens.root.groups()).length === 0)
  }
  const { lines, doubles } = await read(ledger)
  const found = lines.map(({ id }) => id)
  counts.rounds++
  counts.withGuard += Number(withGuard)
  counts.sessions += ids.length
  counts.missing += ids.filter((id) => !found.includes(id)).length
  counts.doubles += doubles
  for (const { writer } of lines) counts.written[writer ?? ''] = (counts.written[writer ?? ''] ?? 0) + 1
  expect(ids).toHaveLength(20)
  expect(found.toSorted()).toEqual(ids.toSorted())
  if (used === undefined) return
  const told = lines.reduce((sum, { cpuUs }) => sum + (cpuUs ?? 0), 0)
  expect(Math.abs(told - used) / used, `${told} us of ${used} us`).toBeLessThanOrEqual(CPU_WITHIN)
}

test(
  'each session of a gateway that was killed is in the ledger once',
  async ({ signal }) => {
    await runRounds({ name: 'ledger', count: ROUNDS, signal }, placed, (round, place) =>
      killAtRandom(round, place),
    )
    console.log(JSON.stringify(counts))
    expect(counts.missing).toBe(0)
  },
  timeoutOf(ROUNDS),
)
