// What a gateway does, for a runtime that is not Node: node test/nodes/runtime.mjs OPTIONS. Prints what worked, a line each.
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openCorral } from '../../dist/index.js'

const [options, role] = process.argv.slice(2)
const corral = await openCorral(JSON.parse(options))

if (role === 'gateway') {
  const session = await corral.spawn({ command: 'sleep', args: ['1000'], stdio: 'ignore' })
  console.log(session.process.pid)
  await session.closed // the SIGKILL comes first
}

const leavesOneBehind = await corral.spawn({
  command: 'sh',
  args: ['-c', 'setsid sleep 1000 & exit 3'],
  stdio: 'ignore',
})
const { reason, killed } = await leavesOneBehind.closed
if (reason === 'oneshot-complete' && killed.count === 1 && leavesOneBehind.process.exitCode === 3)
  console.log('what a command leaves is ended')

const held = await corral.spawn({ key: 'held', command: 'sh', args: ['-c', 'sleep 1000'], stdio: 'inherit' })
if ((await held.close({ graceMs: 0 })).killed.count > 0) console.log('close() ends a session')

const file = path.join(tmpdir(), `corral-runtime-${process.pid}`)
const writer = await corral.spawn({
  command: 'sh',
  args: ['-c', 'cat > "$0"', file],
  stdio: ['pipe', 'ignore', 'ignore'],
})
writer.process.stdin.end('in')
await writer.closed
if (readFileSync(file, 'utf8') === 'in') console.log('input is written')
rmSync(file)

const reader = await corral.spawn({ command: 'echo', args: ['out'], stdio: ['ignore', 'pipe', 'ignore'] })
let said = ''
reader.process.stdout.on('data', (chunk) => {
  said += chunk
})
await reader.closed
if (said === 'out\n') console.log('output is read')

await corral.close()
console.log('the instance is closed')
