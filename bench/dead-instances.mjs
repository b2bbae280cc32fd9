// Leaves INSTANCES instances below ROOT as gateways do that died together with their guards, each with a session of one
// process, in the same places and with the same locks, but without having been gateways: that would take minutes.
//
//   node dead-instances.mjs INSTANCES ROOT    prints the pids, as JSON

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadNative } from '../build/js/native/addon.js'
import { packPlan, step } from '../build/js/native/plan.js'
import { SLEEPERS } from './sleeping-processes.mjs'

const [instances, root] = [Number(process.argv[2]), process.argv[3]]

const native = loadNative()
const plan = { command: SLEEPERS, argv: [SLEEPERS, '1'], stdio: ['ignore', 'ignore', 'ignore'] }
const pids = []
for (let number = 0; number < instances; number++) {
  const name = `i${number.toString(16).padStart(10, '0')}`
  const lock = native.makeInstance(root, name, 'bench')
  if (lock === undefined) throw new Error(`somebody else makes or sweeps instances below ${root}`)
  const sessions = join(root, 'corral', name, 'sessions')
  mkdirSync(sessions)
  const group = join(sessions, 'session', 'agent')
  const make = step.newDirectory(join(sessions, 'session')) + step.newDirectory(group)
  const [pid] = await native.spawn(packPlan(plan, { group, make, noClone3: false })).started
  pids.push(pid)
}
// All locks go with this process
process.stdout.write(`${JSON.stringify(pids)}\n`, () => process.exit())
