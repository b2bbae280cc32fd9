// Who outlives what: every program of test/chaos/escape against ways to end a program, Corral's and others'. How many survive is
// counted in a cgroup by the kernel, whatever the way itself says. Each is ended twice: while its leader is still there,
// as when a run is cancelled, and after the leader has ended by itself, as when a run is complete.

import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { commandLine, programs } from '../test/chaos/escape/programs.mjs'
import { openWays } from './escape-ways.mjs'
import { payloadProgram } from './floor.mjs'
import { runBench } from './harness.mjs'
import { cgroupMembers, isPopulated, removeCgroup } from './pen.mjs'
import { median } from './statistics.mjs'
import { formatTable } from './table.mjs'

const ROUNDS = 1

// A living process is a survivor once none has ended for so long: the kernel takes its time with thousands. And at the
// latest after so long: some programs are ever coming and going.
const SETTLE_MS = 400
const AT_THE_LATEST_MS = 3000
const POLL_MS = 1
const HIDDEN_WITHIN_MS = 60_000
// Some ways wait for what never comes: then the processes that live now count.
const END_WITHIN_MS = 5000

const SITUATIONS = {
  cancelled: { title: 'ended while its leader is there', leader: 'stay', mode: 'persistent' },
  complete: { title: 'ended after its leader has left', leader: 'leave', mode: 'oneshot' },
}

let serial = 0

await runBench(
  'escape',
  async ({ pen, claims, rounds, keep, way }) => {
    const { ways, missing } = await openWays(pen, way)
    keep('missing', missing)
    keep(
      'ways',
      ways.map(({ name, what, version }) => ({ name, what, version })),
    )
    for (const [situation, how] of Object.entries(SITUATIONS)) {
      const cells = await measureAll(pen, ways, how, rounds(ROUNDS))
      keep(situation, cells)
      report(how.title, cells, ways, claims)
    }
    for (const { close } of ways) await close?.()
  },
  { way: 'NAME     only this way to end a program' },
)

/** Program → way → { survivors, ms }, or { obstacle } where the program could not hide under that way. */
async function measureAll(pen, ways, how, rounds) {
  const cells = {}
  for (const [name, program] of Object.entries(programs)) {
    cells[name] = {}
    const line = await commandLine(program, how.leader, payloadProgram)
    for (const way of ways) {
      const samples = []
      for (let round = 0; round < rounds; round++) samples.push(await measure(pen, way, line, how))
      cells[name][way.name] = summary(samples)
    }
    const row = ways.map((way) => `${way.name} ${cellText(cells[name][way.name])}`)
    console.log(`${name}: ${row.join(', ')}`)
  }
  return cells
}

// The worst of all rounds, and the median time of those that left nobody.
function summary(samples) {
  const obstacle = samples.find((sample) => sample.obstacle !== undefined)
  if (obstacle) return obstacle
  const survivors = Math.max(...samples.map((sample) => sample.survivors))
  return survivors > 0 ? { survivors } : { survivors, ms: median(samples.map(({ ms }) => ms)) }
}

async function measure(pen, way, line, { leader, mode }) {
  const cgroup = pen.directory(`program-${serial++}`)
  let started
  try {
    started = await way.start(cgroup, line, mode)
    const obstacle = await whyNotHidden(started)
    if (obstacle !== undefined) return { obstacle }
    if (leader === 'stay' && !isPopulated(started.place))
      throw new Error(`${way.name} has its program elsewhere than in ${started.place}`)
    if (leader === 'leave') await inTime(started.left)
    const start = performance.now()
    await inTime(started.end())
    const end = await emptied(started.place)
    return { survivors: end === undefined ? cgroupMembers(started.place).length : 0, ms: end - start }
  } finally {
    removeCgroup(cgroup)
    if (started && existsSync(started.place)) removeCgroup(started.place)
  }
}

function inTime(promise) {
  return Promise.race([promise, setTimeout(END_WITHIN_MS)])
}

/** When nobody lived in it any more; undefined where somebody does. */
async function emptied(cgroup) {
  const latest = performance.now() + AT_THE_LATEST_MS
  let fewest = Number.POSITIVE_INFINITY
  for (let deadline = 0; performance.now() < latest; ) {
    if (!isPopulated(cgroup)) return performance.now()
    if (performance.now() > deadline) {
      const members = cgroupMembers(cgroup).length
      if (members >= fewest) return undefined
      fewest = members
      deadline = performance.now() + SETTLE_MS
    }
    await setTimeout(POLL_MS)
  }
  return undefined
}

async function whyNotHidden({ stdout }) {
  const said = (async () => {
    for await (const line of createInterface({ input: stdout })) {
      if (line === 'hidden') return undefined
      if (line.startsWith('cannot ')) return line
    }
    return 'it ended before it was hidden'
  })()
  const late = setTimeout(HIDDEN_WITHIN_MS, 'it did not hide in time', { ref: false })
  const why = await Promise.race([said, late])
  stdout.on('error', () => {}).resume()
  return why
}

function cellText({ obstacle, survivors, ms }) {
  if (obstacle !== undefined) return '-'
  return survivors > 0 ? `${survivors} left` : `0 (${ms.toFixed(0)} ms)`
}

function report(title, cells, ways, claims) {
  const header = ['', ...ways.map(({ name }) => name)]
  const rows = Object.entries(cells).map(([name, row]) => [
    name,
    ...ways.map((way) => cellText(row[way.name])),
  ])
  console.log(`\n${title}: survivors, and where there are none ms until empty\n${formatTable(header, rows)}`)
  if (ways.every(({ name }) => name !== 'Corral')) return
  const own = Object.values(cells).map((row) => row.Corral)
  const hidden = own.filter(({ obstacle }) => obstacle === undefined)
  const survivors = hidden.reduce((sum, cell) => sum + cell.survivors, 0)
  claims.atMost(`${hidden.length} programs, ${title}, Corral`, 'survivors', survivors, 0)
  claims.atLeast(`programs that hid from Corral, ${title}`, 'count', hidden.length, own.length)
}
