// statuses.mjs WAY ROOT STEP: ends a process in every way there is (of exit statuses with each STEPth), started with Node's child_process and by a mechanism of corral, and
// prints where these tell it differently.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openCorral } from '../../dist/index.js'

const [way, root, step] = process.argv.slice(2)
const DEADLY = (number) => ![17, 18, 19, 20, 21, 22, 23, 28].includes(number) // CHLD, CONT, STOP …, URG, WINCH
const upTo = (count) => Array.from({ length: count }, (_, index) => index)
// dash and libc keep 32 and 33 for themselves
const signals = upTo(65).filter((number) => number > 0 && DEADLY(number) && number !== 32 && number !== 33)
const scripts = [
  ...upTo(256)
    .filter((code) => code % step === 0)
    .map((code) => `exit ${code}`),
  ...signals.map((number) => `kill -${number} $$`),
]

const corral = await openCorral(way === 'cgroup' ? { root } : { backend: way })
const session = await corral.spawn({ command: 'sleep', args: ['1000'], mode: 'persistent', stdio: 'ignore' })
const ended = async (child) => JSON.stringify(await once(child, 'exit'))
for (const script of scripts) {
  const line = ['sh', ['-c', script], { stdio: 'ignore' }]
  const [one, other] = await Promise.all([ended(spawn(...line)), session.spawn(...line).then(ended)])
  // Of a real-time signal child_process tells nothing: as if it had exited with 0
  const untold = way !== 'passthrough' && one === '[0,null]' && /^kill -(\d+)/.exec(script)
  if (other !== (untold ? `[null,"SIG${untold[1]}"]` : one)) console.log(`${script}: ${one} became ${other}`)
}
await corral.close()
console.log(`tried ${scripts.length - signals.length} and ${signals.length}`)
