// A gateway's day, by the installed package and nothing else: node smoke.mjs ROOT. Spawns, caps and kills, then dies itself by
// SIGKILL, and looks who is left. Also a test of how the package can be had: by import, by require(), as a command.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openCorral } from 'corral'

const [root, role] = process.argv.slice(2)
// Not every machine has these controllers
const options = { root, enforcement: 'best-effort' }
const LEAVES_ONE_BEHIND = 'setsid sleep 1000 & echo ready; sleep 1000'

async function startSession(corral) {
  const session = await corral.spawn({
    key: 'agent:main:acp:8f3b',
    parentKey: 'agent:main:main',
    command: 'sh',
    args: ['-c', LEAVES_ONE_BEHIND],
    limits: { memoryMax: '1G', pidsMax: 64 },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => session.process.stdout.once('data', resolve))
  return session
}

async function until(what, isTrue) {
  for (const end = Date.now() + 60_000; !isTrue(); await sleep(20)) assert.ok(Date.now() < end, what)
}

if (role === 'gateway') {
  const session = await startSession(await openCorral(options))
  console.log(session.receipt.path)
  await new Promise(() => {}) // until the SIGKILL
}

const corral = await openCorral(options)
const session = await startSession(corral)
assert.match(session.receipt.path, /agent/)
const { reason, killed } = await session.close({ reason: 'smoke', graceMs: 0 })
assert.deepEqual([reason, killed.count, existsSync(session.receipt.path)], ['smoke', 3, false])
console.log(
  `closed: ${killed.count} processes killed, the group is gone; ${JSON.stringify(session.receipt.limits)}`,
)
await corral.close()

const gateway = spawn(process.execPath, [fileURLToPath(import.meta.url), root, 'gateway'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const group = String(await new Promise((resolve) => gateway.stdout.once('data', resolve))).trim()
assert.ok(existsSync(group))
gateway.kill('SIGKILL')
await until('the guard of a killed gateway left its group', () => !existsSync(group))
await until('the guard left its instance', () => !existsSync(path.join(root, 'corral')))
console.log('gateway killed: its group is gone')

// Neither prom-client nor OpenTelemetry is installed here
assert.equal(typeof (await import('corral/metrics')).toPromClient, 'function')
assert.equal(createRequire(import.meta.url)('corral').openCorral, openCorral)
const manifest = createRequire(import.meta.url).resolve('corral/package.json')
const cli = path.join(path.dirname(manifest), 'dist/cli/main.js')
const said = execFileSync(process.execPath, [
  cli,
  'run',
  '--root',
  root,
  '--',
  'sh',
  '-c',
  LEAVES_ONE_BEHIND.replace(/; .*/, ''),
])
assert.equal(String(said), 'ready\n')
console.log(`Node ${process.version} ${process.arch}: good`)
