// Runs all benches one after the other, or those that are named, keeps their figures in bench/results, and draws the charts.
// Takes half an hour on a quiet machine. Ends with status 1 when a bench failed or missed a claim.
//
//   node bench/all.mjs [NAME…] [--rounds N]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { RESULTS } from './results.mjs'

const EXPOSE_GC = '--expose-gc'

/** Name → options of Node's. */
const BENCHES = {
  spawn: {},
  kill: {},
  outside: {},
  crash: {},
  run: {},
  start: {},
  sweep: {},
  scale: {},
  watchdog: {},
  cycles: { node: [EXPOSE_GC] },
  escape: {},
}

const { names, passed } = readOptions()
const failed = []
mkdirSync(RESULTS, { recursive: true })
for (const name of names) {
  const { node = [] } = BENCHES[name]
  const begun = performance.now()
  console.log(`\n==== ${name}`)
  if (!(await runs([...node, script(name)], ['--json', `${RESULTS}${name}.json`, '--check', ...passed])))
    failed.push(name)
  console.log(`==== ${name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`)
}
if (!(await runs([script('charts')], []))) failed.push('charts')
if (failed.length > 0) {
  console.error(`failed, or missed a claim: ${failed.join(', ')}`)
  process.exitCode = 1
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      options: { rounds: { type: 'string' } },
      allowPositionals: true,
    })
    const unknown = positionals.find((name) => !Object.hasOwn(BENCHES, name))
    if (unknown !== undefined) throw new Error(`there is no bench ${unknown}`)
    return {
      names: positionals.length > 0 ? positionals : Object.keys(BENCHES),
      passed: values.rounds === undefined ? [] : ['--rounds', values.rounds],
    }
  } catch (error) {
    console.error(
      `${error.message}\nusage: node bench/all.mjs [NAME…] [--rounds N]\n${Object.keys(BENCHES).join(', ')}`,
    )
    process.exit(2)
  }
}

function script(name) {
  return new URL(`${name}.mjs`, import.meta.url).pathname
}

// Interrupted, a bench empties its own pen.
async function runs(command, args) {
  const child = spawn(process.execPath, [...command, ...args], { stdio: 'inherit' })
  const [status] = await once(child, 'exit')
  return status === 0
}
