// Outlives as a tool: an MCP server over stdio that a host (the leader) starts and initialises. The server ignores SIGTERM
// and the end of its input, and leaves the work to a daemon, which does the same.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const LIFETIME_MS = 300_000
const PROTOCOL = '2025-06-18'
const program = fileURLToPath(import.meta.url)
const [word] = process.argv.slice(2)

const run = (name, options) => spawn(process.execPath, [program, name], options)
const ignoreSignals = () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {})
}

async function host() {
  const server = run('server', { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  const clientInfo = { name: 'host', version: '1' }
  const params = { protocolVersion: PROTOCOL, capabilities: {}, clientInfo }
  server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`)
  const { id, result } = JSON.parse((await answers.next()).value)
  if (id !== 1 || result.protocolVersion !== PROTOCOL) throw new Error('the server did not initialise')
  server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
  writeSync(1, 'hidden\n')
  if (word === 'leave') process.exit(0)
  setTimeout(() => {}, LIFETIME_MS) // timer: its life
}

async function initialize() {
  const daemon = run('daemon', { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  await once(daemon.stdout, 'data') // it ignores signals from here on
  daemon.stdout.destroy()
  daemon.unref()
  const serverInfo = { name: 'server', version: '1' }
  return { protocolVersion: PROTOCOL, capabilities: { tools: {} }, serverInfo }
}

async function server() {
  ignoreSignals()
  setTimeout(() => process.exit(), LIFETIME_MS) // timer: its life
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, method } = JSON.parse(line)
    if (method === 'initialize')
      console.log(JSON.stringify({ jsonrpc: '2.0', id, result: await initialize() }))
  }
}

function daemon() {
  ignoreSignals()
  setTimeout(() => process.exit(), LIFETIME_MS) // timer: its life
  process.stdout.on('error', () => {})
  writeSync(1, 'ready\n')
}

const roles = { server, daemon }
await (roles[word] ?? host)()
