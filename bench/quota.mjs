// What a CPU quota of 1 % costs the end of a session of 60 processes: its own, its family's, and that of all sessions.
// Needs the cpu controller of cgroup v2: test/vm/run -- node bench/quota.mjs
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCorral } from 'corral'
import { runBench } from './harness.mjs'
import { firstLine } from './sleeping-processes.mjs'
import { median } from './statistics.mjs'

const ROUNDS = 11
const PROCESSES = 60
const MAX_RATIO = 2
const CAP = { cpuMax: 0.01 }
const CROWD = fileURLToPath(new URL('../test/kernel/limits/payloads/crowd.c', import.meta.url))

const CAPS = {
  'no quota': () => undefined,
  'its own': (_, session) => session.setLimits(CAP),
  'its family’s': (corral, { key }) => corral.setFamilyLimits(key, CAP),
  'that of all sessions': (corral) => corral.setLimits(CAP),
}

async function measure(root, program, cap) {
  const corral = await openCorral({ root, systemd: false, killTimeoutMs: 60_000 })
  try {
    const session = await corral.spawn({ command: program, args: [`${PROCESSES}`], mode: 'persistent' })
    await firstLine(session.process.stdout)
    await cap(corral, session)
    const began = performance.now()
    const { killed } = await session.close({ graceMs: 0 })
    const ms = performance.now() - began
    if (killed.count !== PROCESSES + 1) throw new Error(`${killed.count} processes were killed`)
    return ms
  } finally {
    await corral.close()
  }
}

await runBench('quota', async ({ pen, claims, rounds, record }) => {
  writeFileSync(path.join(pen.path, 'cgroup.subtree_control'), '+cpu')
  const directory = mkdtempSync(path.join(tmpdir(), 'corral-quota-'))
  const program = path.join(directory, 'crowd')
  execFileSync('cc', ['-O2', '-D_GNU_SOURCE', '-o', program, CROWD])
  const names = Object.keys(CAPS)
  const found = Object.fromEntries(names.map((name) => [name, []]))
  try {
    for (let round = 0; round < rounds(ROUNDS); round++)
      // In turns, so that all see the same weather
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(round + turn) % names.length]
        found[name].push(await measure(pen.directory(`${round}-${turn}`), program, CAPS[name]))
      }
  } finally {
    rmSync(directory, { recursive: true })
  }
  record(`close of a session of ${PROCESSES} processes`, 'ms', found)
  const ratio = (name) => median(found[name].map((ms, round) => ms / found['no quota'][round]))
  for (const name of names.slice(1))
    claims.atMost('a CPU quota of 1 %', `${name}, as against none`, ratio(name), MAX_RATIO)
})
