// What one start that hangs costs the others: spawns, closes, the guard's restart and the gateway's death among 20 sessions, with
// and without one whose program is on a file system that does not answer.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runBench } from './harness.mjs'
import { firstLine } from './sleeping-processes.mjs'
import { median } from './statistics.mjs'

const ROUNDS = 11
const MAX_RATIO = 1.5
const MEASURES = ['spawn', 'close', 'restart', 'death']
const GATEWAY = fileURLToPath(new URL('hung-gateway.mjs', import.meta.url))
const HUNG_FS = fileURLToPath(new URL('../test/support/payloads/hung-fs.c', import.meta.url))

/** Not one that only waits to be reaped, for which some machines take their time. */
const isAlive = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z'
  } catch {
    return false
  }
}

/** From the SIGKILL of the gateway to the end of all that it held and that can end. */
async function death(gateway, pids) {
  const began = performance.now()
  gateway.kill('SIGKILL')
  while (pids.some(isAlive)) await sleep(0)
  return performance.now() - began
}

async function measure(root, program) {
  const words = [GATEWAY, root, ...(program === undefined ? [] : [program])]
  const gateway = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const { spawn: spawns, close, restart, pids } = JSON.parse(await firstLine(gateway.stdout))
  return { spawn: median(spawns), close: median(close), restart, death: await death(gateway, pids) }
}

/** The same with a program that hangs, up to the end of the measurement. */
async function measureHung(root, directory, server) {
  const mount = mkdtempSync(path.join(directory, 'mount-'))
  const fs = spawn(server, [mount], { stdio: ['pipe', 'pipe', 'inherit'] })
  await firstLine(fs.stdout)
  fs.stdout.resume()
  try {
    return await measure(root, path.join(mount, 'program'))
  } finally {
    fs.stdin.end()
    await once(fs, 'exit')
    execFileSync('umount', ['-l', mount])
  }
}

await runBench('hung', async ({ pen, claims, rounds, record }) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'corral-hung-'))
  const server = path.join(directory, 'hung-fs')
  execFileSync('cc', ['-O2', '-D_GNU_SOURCE', '-o', server, HUNG_FS])
  const found = { without: [], hung: [] }
  try {
    for (let round = 0; round < rounds(ROUNDS); round++) {
      // In turns, so that both see the same weather
      for (const way of round % 2 ? ['hung', 'without'] : ['without', 'hung']) {
        const root = pen.directory(`${way}-${round}`)
        found[way].push(way === 'hung' ? await measureHung(root, directory, server) : await measure(root))
      }
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
  for (const what of MEASURES) {
    const [without, hung] = [found.without, found.hung].map((all) => all.map((one) => one[what]))
    record(`${what}, among 20 sessions`, 'ms', { 'all of which run': without, 'one of which hangs': hung })
    claims.atMost(
      'one start that hangs',
      `${what} as against none that does`,
      median(hung) / median(without),
      MAX_RATIO,
    )
  }
})
