// npm run test:runtimes: the library in Bun and Deno, which npm has, with the addon of this checkout. Fails where something works that
// docs/builds.md says does not, too.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '../support/eventually.js'

const WORKS = ['what a command leaves is ended', 'close() ends a session', 'input is written']
const RUNTIMES = {
  bun: { words: [], works: [...WORKS, 'the instance is closed'] },
  deno: { words: ['run', '--allow-all'], works: [...WORKS, 'output is read', 'the instance is closed'] },
}

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const program = path.join(checkout, 'test/nodes/runtime.mjs')
const cache = path.join(checkout, 'node_modules/.cache/corral/runtimes')
const options = JSON.stringify({ backend: 'subreaper' })

if (!existsSync(path.join(cache, 'node_modules/.bin/deno'))) {
  mkdirSync(cache, { recursive: true })
  writeFileSync(path.join(cache, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['install', '--silent', '--no-fund', '--no-audit', 'bun@1', 'deno@2'], { cwd: cache })
}

function isThere(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

for (const [name, { words, works }] of Object.entries(RUNTIMES)) {
  const runtime = path.join(cache, 'node_modules/.bin', name)
  const { stdout, stderr, status } = spawnSync(runtime, [...words, program, options], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.deepEqual(stdout.trim().split('\n'), works, stderr)

  const gateway = spawn(runtime, [...words, program, options, 'gateway'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(gateway.stdout, 'data')
  const pid = Number(line)
  assert.ok(isThere(pid))
  gateway.kill('SIGKILL')
  await eventually('the session of a gateway that was killed is gone', () => !isThere(pid))

  const cli = path.join(checkout, 'dist/cli/main.js')
  const ran = execFileSync(runtime, [
    ...words,
    cli,
    'run',
    '--backend',
    'subreaper',
    '--',
    'echo',
    'contained',
  ])
  assert.equal(String(ran), 'contained\n')
  const version = execFileSync(runtime, ['--version'], { encoding: 'utf8' }).split('\n')[0]
  console.log(
    `${name} ${version.replace(/^deno /, '')}: ${works.join(', ')}, a killed gateway's sessions end, corral run`,
  )
}
